import type { Label } from '../store/label-store.ts'

/** `label=name=value` behind the `?` of a list: rows of agents that have all of them. */
export interface LabelQuery {
  readonly label?: string | readonly string[]
}

/** The labels that are asked for. */
export function labelsIn({ label = [] }: LabelQuery): readonly Label[] {
  return [label].flat().map(labelOf)
}

/** Of `name=value`, which the schema has let in. */
export function labelOf(text: string): Label {
  const at = text.indexOf('=')
  return { name: text.slice(0, at), value: text.slice(at + 1) }
}
