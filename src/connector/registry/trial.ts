import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Material } from '../../material/material.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import type { HostView } from '../host-view.ts'
import { planFor } from '../planner/plan-for.ts'

export type Target = Readonly<Record<string, unknown>>

/** A connector on trial: nothing is known of it but its example and its schema. */
export interface Trial {
  readonly connector: Connector
  readonly example: Target
  /** The fields of its schema at the first depth. */
  readonly fields: readonly (readonly [name: string, schema: Target])[]
  plan(target: unknown): Promise<Plan>
  /** `CODE field` of the refusal; null: the target was accepted. */
  refusal(target: unknown): Promise<string | null>
}

const nowhere: HostView = {
  readFile: async () => null,
  exists: async () => false,
  list: async () => null,
  identity: async (path) => path,
  inode: async () => null,
  mode: async () => null,
  user: async () => null,
  password: async () => ({ reason: 'nothing is on this host' }),
  run: async () => ({ exitCode: null, stdout: '', output: '', isMissing: true }),
}

/** A trial of a connector, on a host on which nothing is. */
export function openTrial(connector: Connector, material: Material): Trial {
  const plan = (target: unknown): Promise<Plan> =>
    planFor(connector, target, material, nowhere, new AbortController().signal)
  const { properties } = connector.schema as { readonly properties: Readonly<Record<string, Target>> }
  return {
    connector,
    example: connector.example as Target,
    fields: Object.entries(properties),
    plan,
    refusal: (target) =>
      plan(target).then(
        () => null,
        (error: unknown) =>
          error instanceof WaxsealError ? `${error.code} ${String(error.details['field'] ?? '')}` : String(error),
      ),
  }
}

/** Where a target can have text: each field of the schema, and each text of the example. */
export function placesOf({ example, fields }: Trial): readonly string[] {
  return [...new Set([...fields.map(([name]) => name), ...stringsIn(example, '').map(({ place }) => place)])]
}

/** Each text in a value, with its place: `files.0.path`. */
export function stringsIn(value: unknown, place: string): readonly { readonly place: string; readonly text: string }[] {
  if (typeof value === 'string') return [{ place, text: value }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => stringsIn(inner, place === '' ? name : `${place}.${name}`))
}

/** A copy of the target with this value at this place, which need not be there yet. */
export function put(target: Target, place: string, value: unknown): Target {
  const [name = '', ...inner] = place.split('.')
  if (inner.length === 0) return { ...target, [name]: value }
  const there = target[name]
  const copy = put((there ?? {}) as Target, inner.join('.'), value)
  return { ...target, [name]: Array.isArray(there) ? Object.values(copy) : copy }
}

/** The target without these fields of its first depth. */
export function without(target: Target, fields: readonly string[]): Target {
  return Object.fromEntries(Object.entries(target).filter(([field]) => !fields.includes(field)))
}
