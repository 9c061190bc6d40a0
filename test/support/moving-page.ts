import { readFile } from 'node:fs/promises'

/** The code of docs/moving-from-certctl.md, as one types it. */
export const blocks = codeBlocksOf(
  await readFile(new URL('../../docs/moving-from-certctl.md', import.meta.url), 'utf8'),
)

/** An empty line parts two blocks, here documents aside. */
function codeBlocksOf(page: string): readonly string[] {
  return page
    .split(/\n\n(?! {4})/)
    .flatMap((part) => (part.includes('\n\n    ') ? part.slice(part.indexOf('\n\n    ') + 2) : part))
    .filter((part) => part.startsWith('    '))
    .map((part) => part.replaceAll(/^ {4}/gm, ''))
}

/** The first line that has these words. */
export function lineOf(words: string): string {
  const found = blocks.flatMap((block) => block.split('\n')).find((line) => line.includes(words))
  if (found === undefined) throw new Error(`no command of the page has ${words}`)
  return found
}

/** The other agent's agent.env, with a comment above each value, none in quotes. */
export function agentEnv(id: string, url: string, key: string, ca: string): string {
  const values = [
    `AGENT_ID=${id}`,
    `SERVER_URL=${url}`,
    `API_KEY=${key}`,
    'KEYGEN_MODE=agent',
    'KEY_DIR=/var/lib/certctl/keys',
  ]
  const lines = [...values, `SERVER_CA_BUNDLE_PATH=${ca}`].map((value) => `# What it is for\nCERTCTL_${value}\n`)
  return `${lines.join('\n')}\n# CERTCTL_LOG_LEVEL=info\n`
}
