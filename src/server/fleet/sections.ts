import { type Html, html } from '../../page/html.ts'

/** The pages of the fleet, in the order of the menu. */
export const sections = [
  { path: '/fleet', name: 'Overview' },
  { path: '/fleet/hosts', name: 'Hosts' },
  { path: '/fleet/certificates', name: 'Certificates' },
  { path: '/fleet/failures', name: 'Failures' },
  { path: '/fleet/drift', name: 'Drift' },
  { path: '/fleet/dane', name: 'DANE' },
  { path: '/fleet/matters', name: 'Matters' },
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

/** Leads to the page of a host. */
export function hostLink(name: string): Html {
  return html`<a href="${linkTo('/fleet/hosts', { name })}">${name}</a>`
}

/** Where the menu leads from a page with this query: which host, and which label, is kept as far as the other page knows it. */
export function menuLink(
  path: SectionPath,
  from: SectionPath,
  query: Readonly<Record<string, string | undefined>>,
): string {
  const host = query['host'] ?? (from === '/fleet/hosts' ? query['name'] : undefined)
  const { label } = query
  if (path === '/fleet/hosts') return linkTo(path, { name: host, label: host === undefined ? label : undefined })
  if (path === '/fleet/certificates') return linkTo(path, { host, label })
  return ofOneHost.includes(path) ? linkTo(path, { host }) : path
}

const ofOneHost: readonly SectionPath[] = [
  '/fleet/failures',
  '/fleet/drift',
  '/fleet/dane',
  '/fleet/matters',
  '/fleet/found',
]

/** A page of the fleet as it was asked for; the overview where it is none: nobody is led to another site, or to what is no page. */
export function pageIn(url: string): string {
  const [path, ...rest] = url.split('?')
  const query = rest.join('?')
  return sections.some((one) => one.path === path) && /^[\w.~%&=+*-]*$/.test(query) ? url : sections[0].path
}
