import { LineCounter, parseDocument } from 'yaml'
import { WaxsealError } from '../error/waxseal-error.ts'

/** The value of a YAML text; CONFIG_INVALID names the file, the line and the column. */
export function parseYaml(file: string, text: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true })
  const [error] = document.errors
  if (error === undefined) return expandAliases(file, document)
  const { line, col } = lineCounter.linePos(error.pos[0])
  throw configInvalid(file, `line ${line}, column ${col}`, error.message, 'Mend the YAML at this place.')
}

/** Aliases are followed only a few times: nested ones can stand for gigabytes. */
function expandAliases(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 10 })
  } catch (error) {
    throw configInvalid(file, '', (error as Error).message, 'Write the values out in place of YAML aliases.')
  }
}

/** CONFIG_INVALID about one place in one file. */
export function configInvalid(file: string, path: string, reason: string, hint: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', { file, path, reason, hint })
}
