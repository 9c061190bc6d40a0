/** The pages of the fleet, in the order of the menu. */
export const sections = [
  { path: '/fleet', name: 'Overview' },
  { path: '/fleet/hosts', name: 'Hosts' },
  { path: '/fleet/certificates', name: 'Certificates' },
  { path: '/fleet/failures', name: 'Failures' },
  { path: '/fleet/drift', name: 'Drift' },
  { path: '/fleet/dane', name: 'DANE' },
  { path: '/fleet/rollouts', name: 'Roll-outs' },
  { path: '/fleet/found', name: 'Found' },
] as const

/** The path of one of them. */
export type SectionPath = (typeof sections)[number]['path']

/** A path with a query; what is undefined or empty is left out. */
export function linkTo(path: SectionPath, query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '')
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}

/** A page of the fleet as it was asked for; the overview where it is none: nobody is led to another site, or to what is no page. */
export function pageIn(url: string): string {
  const [path, ...rest] = url.split('?')
  const query = rest.join('?')
  return sections.some((one) => one.path === path) && /^[\w.~%&=+*-]*$/.test(query) ? url : sections[0].path
}
