/** A command of a page, and where it is to be run. */
export interface GuideStep {
  readonly host: 'certs' | 'mail'
  readonly command: string
}

/**
 * The commands of one section, in order: indented lines, on the host that the text before them names (`On certs`). Those below
 * `Dovecot 2.4 …:` are for that release alone.
 */
export function stepsOf(page: string, heading: string, dovecot: '2.3' | '2.4'): readonly GuideStep[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`the page has no section ${heading}`)
  let host: GuideStep['host'] = 'certs'
  let isForUs = true
  return section.split('\n').flatMap((line) => {
    if (line.startsWith('    ')) return isForUs ? [{ host, command: line.trim() }] : []
    const named = /^(?:On|Back on|And on) `(certs|mail)`/.exec(line)?.[1]
    if (named === 'certs' || named === 'mail') host = named
    if (line !== '') isForUs = !line.startsWith('Dovecot 2.') || line.startsWith(`Dovecot ${dovecot} `)
    return []
  })
}
