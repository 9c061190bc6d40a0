import { basename, join } from 'node:path'
import { asWaxsealError } from '../error/waxseal-error.ts'
import { listFiles } from '../host/file/files.ts'
import { ownPath } from '../host/file/link/own-path.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { inWords } from '../schema/in-words.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { configInvalid, parseYaml } from './parse-yaml.ts'

/** A target that the host's administrator has written down: `targets/NAME.yaml`. */
export interface HostTarget {
  /** Of its file, without `.yaml`. */
  readonly name: string
  readonly file: string
  /** What jobs call it; null: they do not go by an id. */
  readonly targetId: string | null
  readonly targetName: string
  readonly connector: string
  /** Fields of the connector's schema. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** A file of the folder that cannot be used. */
export interface BrokenTarget {
  readonly name: string
  readonly file: string
  /** Null: it is not known, so that it may be any. */
  readonly targetId: string | null
  readonly targetName: string | null
  /** With the way out, in a sentence. */
  readonly reason: string
}

/** The host's own targets. */
export interface HostTargets {
  readonly targets: readonly HostTarget[]
  readonly broken: readonly BrokenTarget[]
}

interface Written {
  readonly target_id?: string
  readonly target_name?: string
  readonly connector: string
}

const mostFiles = 1000
const maxBytes = 64 * 1024
const id = { type: 'string', minLength: 1, maxLength: 256 } as const
const isWritten = schemaCheck<Written>({
  type: 'object',
  required: ['connector'],
  properties: { target_id: id, target_name: id, connector: { type: 'string', minLength: 1, maxLength: 100 } },
})

/** Reads the folder; a missing one has none. A file that cannot be used harms no other. */
export async function readHostTargets(folder: string): Promise<HostTargets> {
  const names = await listFiles(folder).then(
    (files) => files.map(({ name }) => name).filter(isTarget),
    (error: Error) => error.message,
  )
  if (typeof names === 'string') {
    const unread = { name: basename(folder), file: folder, targetId: null, targetName: null }
    return { targets: [], broken: [broken(unread, names)] }
  }
  if (names.length > mostFiles)
    throw configInvalid(folder, '', `it has more than ${mostFiles} files`, 'Remove what is no target.')
  const read = await Promise.all(names.toSorted().map((name) => readTarget(join(folder, name))))
  return refuseTwins({
    targets: read.filter((target): target is HostTarget => 'fields' in target),
    broken: read.filter((target): target is BrokenTarget => 'reason' in target),
  })
}

/** Editors and packages leave others behind. */
function isTarget(name: string): boolean {
  return /^[^.].*\.ya?ml$/.test(name)
}

async function readTarget(file: string): Promise<HostTarget | BrokenTarget> {
  const name = basename(file).replace(/\.ya?ml$/, '')
  let written: unknown = null
  try {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.yaml$/.test(basename(file)))
      throw new Error('its name must be of letters, digits, dots and dashes, and end in .yaml')
    const bytes = await readBounded(await ownPath(file), maxBytes)
    written = parseYaml(file, Buffer.from(bytes ?? []).toString('utf8'))
    if (isWritten(written)) {
      const { target_id: targetId = null, target_name: targetName = name, connector, ...fields } = written
      return { name, file, targetId, targetName, connector, fields }
    }
    const [error] = isWritten.errors ?? []
    throw new Error(
      error === undefined ? 'it is not valid' : `${error.instancePath.slice(1) || 'it'} ${inWords(error)}`,
    )
  } catch (error) {
    return broken({ name, file, ...namesIn(written, name) }, reasonOf(error))
  }
}

/** A file that is not to be used, and why. */
export function broken(target: Omit<BrokenTarget, 'reason'>, reason: string): BrokenTarget {
  const { name, file, targetId, targetName } = target
  return { name, file, targetId, targetName, reason }
}

function reasonOf(error: unknown): string {
  const { details } = asWaxsealError(error)
  return [details['path'], details['reason']].filter((part) => part !== undefined && part !== '').join(': ')
}

/** Of a file that has some other mistake it may still be known whose it is. */
function namesIn(written: unknown, name: string): Pick<BrokenTarget, 'targetId' | 'targetName'> {
  if (typeof written !== 'object' || written === null) return { targetId: null, targetName: null }
  const given = new Map<string, unknown>(Object.entries(written))
  const [targetId, targetName = name] = [given.get('target_id'), given.get('target_name')]
  return {
    targetId: typeof targetId === 'string' ? targetId : null,
    targetName: typeof targetName === 'string' ? targetName : null,
  }
}

/** Of two files for one target neither is used: nobody could tell which is meant. */
function refuseTwins({ targets, broken: others }: HostTargets): HostTargets {
  const twinOf = (target: HostTarget): HostTarget | undefined =>
    targets.find(
      (other) =>
        other !== target &&
        ((other.targetId !== null && other.targetId === target.targetId) || other.targetName === target.targetName),
    )
  const twins = targets.flatMap((target) => {
    const twin = twinOf(target)
    return twin === undefined ? [] : [broken(target, `${twin.file} is for the same target: remove one of the two`)]
  })
  return { targets: targets.filter((target) => twinOf(target) === undefined), broken: [...others, ...twins] }
}
