import type { Query } from '../fleet/list-page.ts'

/** Without what nobody filled, and without the blanks that were copied with a name. A place in a list is taken as it is. */
export function given(query: Query): Query {
  const trimmed = Object.entries(query).map(([name, value = '']) => [name, name === 'after' ? value : value.trim()])
  return Object.fromEntries(trimmed.filter(([, value]) => value !== ''))
}
