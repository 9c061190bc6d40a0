/** What the control plane calls the targets of this host. Its names are text from outside: each output escapes them. */
export interface TargetNames {
  /** Every target, by its id. */
  readonly ids: readonly string[]
  /** Null: it has no name beside its id. */
  nameOf(id: string): string | null
  /** For a person: the name; where another target has that name or id, too, with its own id behind it. */
  labelOf(id: string): string
  /** What a person may write behind a command, quoted where a shell wants it, so that this target alone is meant. */
  argumentOf(id: string): string
  /** The ids of the targets that this text means: their name, their id, or `id:` and their id. */
  matching(text: string): readonly string[]
}

/** Of what was written down about the targets, the newest last. */
export function targetNames(known: Iterable<{ readonly target: string; readonly targetName?: string }>): TargetNames {
  const names = new Map<string, string | null>()
  for (const { target, targetName } of known) names.set(target, targetName ?? names.get(target) ?? null)
  const ids = [...names.keys()].toSorted()
  const nameOf = (id: string): string | null => names.get(id) ?? null
  const meaning = (text: string): readonly string[] => ids.filter((id) => id === text || nameOf(id) === text)
  const isAlone = (id: string): boolean => meaning(nameOf(id) ?? id).length <= 1
  return {
    ids,
    nameOf,
    labelOf: (id) => {
      const name = nameOf(id)
      if (name === null) return id
      return isAlone(id) ? name : `${name} (${id})`
    },
    argumentOf: (id) => (isAlone(id) ? quoted(nameOf(id) ?? id) : quoted(`id:${id}`)),
    matching: (text) => {
      const meant = meaning(text)
      return meant.length === 0 && text.startsWith('id:') ? ids.filter((id) => id === text.slice('id:'.length)) : meant
    },
  }
}

function quoted(word: string): string {
  return /^[\w.@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
