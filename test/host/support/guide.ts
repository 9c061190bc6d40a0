/** A command of a page, and where it is to be run. */
export interface GuideStep {
  /** As the pages call it: `certs`, `mail`, `ns1`. */
  readonly host: string
  readonly command: string
}

/**
 * The commands below one heading, in order, on the host that the text before them names (`On certs`): indented lines, and the text between
 * fences, which is put at the end of the file that the line before it begins with or says it is in. Those below `Dovecot 2.4 …:` are for
 * that release alone.
 */
export function stepsOf(page: string, heading: string, dovecot: '2.3' | '2.4'): readonly GuideStep[] {
  const section = page.split(/^##? /m).find((part) => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`the page has no section ${heading}`)
  let host = 'certs'
  let isForUs = true
  let file: string | undefined
  let fenced: string[] | null = null
  return section.split('\n').flatMap((line): GuideStep[] => {
    if (line.startsWith('```')) {
      const text = fenced
      fenced = text === null ? [] : null
      return text === null || file === undefined ? [] : [{ host, command: appended(text, file) }]
    }
    if (fenced !== null) {
      fenced.push(line)
      return []
    }
    if (line.startsWith('    ')) return isForUs ? [{ host, command: line.trim() }] : []
    host = /^(?:Back |And |\*\*[^*]+\*\* )?[Oo]n `(certs|mail|ns1)`/.exec(line)?.[1] ?? host
    if (line === '') return []
    file = /(?:^|\b[Ii]n )`(\/[^`\s]+)`/.exec(line)?.[1]
    isForUs = !line.startsWith('Dovecot 2.') || line.startsWith(`Dovecot ${dovecot} `)
    return []
  })
}

function appended(lines: readonly string[], file: string): string {
  return `cat >> ${file} << 'END'\n${lines.join('\n')}\nEND`
}
