import { plainText } from '../text/plain-text.ts'

/** Markup that may be sent as it is. Only the tag below makes one. */
export interface Html {
  readonly markup: string
}

type Piece = string | number | Html | readonly Html[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Template tag: every value that is not itself markup is escaped, in text as in a quoted attribute. */
export function html(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { markup: texts.map((text, index) => text + markupOf(pieces[index])).join('') }
}

/** Names come from outside: what would show as nothing, or turn the line around, shows as a replacement character. */
function markupOf(piece: Piece | undefined): string {
  if (piece === undefined) return ''
  if (typeof piece === 'object') return 'markup' in piece ? piece.markup : piece.map(({ markup }) => markup).join('')
  return plainText(String(piece)).replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '')
}
