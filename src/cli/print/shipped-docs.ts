import { fileURLToPath } from 'node:url'
import { readBounded } from '../../host/file/read-bounded.ts'

/** Where the documentation is on this host: in a checkout below it. The bundle has another module in place of this one (packaging/shipped-docs.ts). */
export const docsFolder = 'docs/'

/** What `docs/errors.md` says, Markdown. */
export async function readErrorTexts(): Promise<string> {
  const bytes = await readBounded(fileURLToPath(new URL('../../../docs/errors.md', import.meta.url)), 1024 * 1024)
  return Buffer.from(bytes ?? []).toString('utf8')
}
