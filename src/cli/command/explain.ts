import { Command } from 'commander'
import { catalogue, type ErrorCode } from '../../error/catalogue.ts'
import { nearest } from '../../error/nearest.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { print, printJson, printText, withDocs } from '../print/print.ts'
import { readErrorTexts } from '../print/shipped-docs.ts'
import { table } from '../print/table.ts'

const codes = Object.keys(catalogue) as readonly ErrorCode[]

/** `waxseal explain`: what an error code means, and what to do. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Say what an error code means, what is now true of the host, and what to do; without one, list all codes.',
    )
    .argument('[code]', 'such as VERIFY_FAILED, in any case')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nIt needs neither root nor an agent. Exit status: 0 there is such a code, 2 there is none.')
    .action(async (asked: string | undefined, options: { readonly json?: true }) => {
      const explained = (asked === undefined ? codes : [codeOf(asked)]).map((code) => ({ code, ...catalogue[code] }))
      const texts = await readErrorTexts()
      const documents = explained.map((one) => ({ ...one, text: withDocs(textOf(one.code, texts)) }))
      if (options.json === true) printJson(asked === undefined ? documents : documents[0])
      else if (asked === undefined) print(...codeTable())
      else for (const { code, message, text } of documents) printText(`${code}: ${message}\n\n${text}`)
    })
}

function codeOf(asked: string): ErrorCode {
  const code = codes.find((known) => known === asked.toUpperCase())
  if (code !== undefined) return code
  const meant = nearest(asked, codes)
  const hint =
    meant === null ? 'waxseal explain lists all codes.' : `Is ${meant} meant? waxseal explain lists all codes.`
  throw new WaxsealError('USAGE_INVALID', { code: asked.slice(0, 100), reason: 'there is no such error code', hint })
}

function codeTable(): readonly string[] {
  const rows = codes.map((code) => [code, catalogue[code].message])
  return [...table(['CODE', 'MEANS'], rows), '', 'waxseal explain CODE says what to do.']
}

/** The part of the page below the heading of the code, without the marks of Markdown. */
function textOf(code: ErrorCode, texts: string): string {
  const [, section = ''] = texts.split(`\n## ${code}\n`)
  const [text = ''] = section.split('\n## ')
  return text
    .trim()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)|\*\*([^*]*)\*\*/g, (_, link?: string, strong?: string) => link ?? strong ?? '')
}
