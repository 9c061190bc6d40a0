/** One block of Dovecot's settings: `service imap-login { … }`. */
export interface SettingsBlock {
  /** `service`, `inet_listener`, `local_name`; empty for the whole. */
  readonly kind: string
  readonly name: string
  readonly values: ReadonlyMap<string, string>
  readonly blocks: readonly SettingsBlock[]
}

interface OpenBlock extends SettingsBlock {
  readonly values: Map<string, string>
  readonly blocks: OpenBlock[]
}

const deepest = 10

/**
 * The output of doveconf(1), parsed. Left out: lines that are neither a setting nor a block's begin or end, and blocks that
 * are nested deeper than any that Dovecot has.
 */
export function parseSettings(text: string): SettingsBlock {
  const root = block('', '')
  const open = [root]
  let tooDeep = 0
  for (const line of text.split('\n').map((row) => row.trim())) {
    const current = open.at(-1) ?? root
    const setting = /^([a-z0-9_]+)\s*=(.*)$/.exec(line)
    if (setting !== null) {
      if (tooDeep === 0) current.values.set(setting[1] ?? '', unquote(setting[2] ?? ''))
    } else if (line.endsWith('{')) {
      if (tooDeep > 0 || open.length >= deepest) tooDeep += 1
      else open.push(begin(line.slice(0, -1), current))
    } else if (line === '}') {
      if (tooDeep > 0) tooDeep -= 1
      else if (open.length > 1) open.pop()
    }
  }
  return root
}

/** `local_name "a.example b.example"`: kind and name of a block, which is put into the one around it. */
function begin(title: string, around: OpenBlock): OpenBlock {
  const [kind = '', ...name] = title.trim().split(/\s+/)
  const inner = block(kind, unquote(name.join(' ')))
  around.blocks.push(inner)
  return inner
}

function block(kind: string, name: string): OpenBlock {
  return { kind, name, values: new Map(), blocks: [] }
}

function unquote(value: string): string {
  return value
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim()
}
