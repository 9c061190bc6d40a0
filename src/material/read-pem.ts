/** One PEM block (RFC 7468), or one of OpenSSL's older form with headers (RFC 1421). */
export interface PemBlock {
  /** `CERTIFICATE`, `EC PRIVATE KEY`. */
  readonly label: string
  /** Whether its own headers say that it is encrypted. */
  readonly isEncrypted: boolean
  /** What it holds; null: what stands between its lines is no base64. */
  readonly der: Uint8Array | null
}

/** The blocks of a PEM text. */
export interface Pem {
  /** In the order of the text. Text before, between and behind them is left out. */
  readonly blocks: readonly PemBlock[]
  /** Labels of blocks that begin and do not end. */
  readonly torn: readonly string[]
}

const boundary = /-----(BEGIN|END) ([A-Z0-9][A-Z0-9 ]{0,62})-----/g

/** Reads what PEM files of people hold: any line ends, any length of line, spaces at their ends, text around the blocks. Linear in the length. */
export function readPem(text: string): Pem {
  const blocks: PemBlock[] = []
  const torn: string[] = []
  let begun: { readonly label: string; readonly from: number } | null = null
  for (const match of text.matchAll(boundary)) {
    const [line, kind, label = ''] = match
    if (kind === 'BEGIN') {
      if (begun !== null) torn.push(begun.label)
      begun = { label, from: match.index + line.length }
      continue
    }
    if (begun?.label === label) blocks.push(blockOf(label, text.slice(begun.from, match.index)))
    else if (begun !== null) torn.push(begun.label)
    begun = null
  }
  return { blocks, torn: begun === null ? torn : [...torn, begun.label] }
}

function blockOf(label: string, inside: string): PemBlock {
  const lines = inside.trim().split(/\r\n|\r|\n/)
  const blank = lines.findIndex((line) => line.trim() === '')
  const hasHeaders = /^[A-Za-z][A-Za-z0-9-]*:/.test(lines[0] ?? '')
  const headers = hasHeaders ? lines.slice(0, Math.max(blank, 0)) : []
  const isEncrypted = headers.some((line) => /^(Proc-Type:.*ENCRYPTED|DEK-Info:)/.test(line))
  return { label, isEncrypted, der: decode(lines.slice(headers.length).join('')) }
}

/** Strict: Node skips what is no base64. */
function decode(body: string): Uint8Array | null {
  const text = body.replaceAll(/\s+/g, '')
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : null
}
