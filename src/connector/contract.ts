import { WaxsealError } from '../error/waxseal-error.ts'
import type { Material } from '../material/material.ts'
import type { Command, Plan } from '../plan/plan.ts'
import { printPlan } from '../plan/printed-plan.ts'
import { openObjects } from './closed-schema.ts'
import type { Connector, HostView } from './connector.ts'
import { parsePlan } from './parse-plan.ts'
import { planFor } from './plan-for.ts'

type Target = Readonly<Record<string, unknown>>

/** A connector on trial: nothing is known of it but its example and its schema. */
interface Trial {
  readonly connector: Connector
  readonly example: Target
  /** Each field of the example's depth 0, and what its schema says. */
  readonly fields: readonly (readonly [name: string, schema: Target])[]
  plan(target: unknown): Promise<Plan>
  /** `CODE field` of the refusal; null: the target was accepted. */
  refusal(target: unknown): Promise<string | null>
}

/** One promise that every connector keeps, built-in or from outside. */
export interface Clause {
  /** In the present tense. */
  readonly claim: string
  /** Where it is broken, a sentence each; empty: it is kept. */
  breaches(connector: Connector, material: Material): Promise<readonly string[]>
}

const clauses: Readonly<Record<string, (trial: Trial) => Promise<readonly string[]>>> = {
  'it has a description and an alias': async ({ connector: { description, aliases } }) => [
    ...(/^[A-Z].{10,}\.$/.test(description) ? [] : ['its description is no sentence']),
    ...(aliases.length > 0 ? [] : ['it has no alias, so no job can name it']),
  ],

  'its schema refuses unknown fields at every depth, and describes each field': async ({ connector, fields }) => [
    ...openObjects(connector.schema).map((place) => `${place} lets unknown fields in`),
    ...fields.flatMap(([name, { description }]) =>
      typeof description === 'string' ? [] : [`${name} is not described`],
    ),
  ],

  'its example is a target, and its plan is valid': async ({ connector, example, plan }) => {
    parsePlan(connector.name, await plan(example))
    return []
  },

  'equal inputs give equal plans': async ({ example, plan }) =>
    asText(await plan(example)) === asText(await plan(structuredClone(example))) ? [] : ['two plans differ'],

  'a plan survives JSON, contents aside': async ({ example, plan }) => {
    const printed = printPlan(await plan(example))
    return isDeepEqual(JSON.parse(JSON.stringify(printed)), printed) ? [] : ['JSON changes its plan']
  },

  'no file lies outside the paths that the example declares': async ({ example, plan }) => {
    const declared = stringsOf(example).filter((text) => text.startsWith('/'))
    const isDeclared = (path: string): boolean =>
      declared.some((given) => path === given || path.slice(0, path.lastIndexOf('/')) === given.replace(/\/+$/, ''))
    return (await plan(example)).files.flatMap(({ path }) => (isDeclared(path) ? [] : [`${path} is not declared`]))
  },

  'it proposes no shell': async ({ connector, example, plan }) =>
    [...commandsOf(await plan(example)), ...connector.standardCommands]
      .filter((command) => command.some((word) => shells.test(word)))
      .map((command) => command.join(' ')),

  'its own commands are among its standard ones': async (trial) => {
    const own = await trial.plan(without(trial.example, await commandFieldsOf(trial)))
    return commandsOf(own).flatMap((command) =>
      trial.connector.standardCommands.some((standard) => fits(command, standard)) ? [] : [command.join(' ')],
    )
  },

  'it has probes, or says why it has none': async ({ example, fields, plan }) => {
    const blind = await plan(without(example, ['endpoints', 'post_deploy_verify']))
    const breaches = sayWhy(blind)
    if (!fields.some(([name]) => name === 'endpoints')) return breaches
    const seen = await plan({ ...example, endpoints: ['mail.example.net:25'] })
    return seen.probes.some(({ host, port }) => host === 'mail.example.net' && port === 25)
      ? breaches
      : [...breaches, 'it does not look at the endpoint that the target names']
  },

  'unknown fields are refused by name, at every depth': async ({ example, fields, refusal }) => {
    const inner = fields.filter(([, { type }]) => type === 'object').map(([name]) => name)
    return allRefused(refusal, [
      [{ ...example, certpath: '/x' }, 'TARGET_INVALID certpath'],
      ...inner.map((name) => [{ ...example, [name]: { certpath: '/x' } }, `TARGET_INVALID ${name}.certpath`] as const),
    ])
  },

  'relative paths are refused': async ({ example, fields, plan, refusal }) => {
    const paths = ['cert.pem', './cert.pem', '../cert.pem', '/a\0b']
    const named = fields.filter(([, { pattern }]) => /^\^\(?\//.test(String(pattern)))
    const breaches = await allRefused(
      refusal,
      named.flatMap(([name]) => paths.map((path) => [{ ...example, [name]: path }, `TARGET_INVALID ${name}`] as const)),
    )
    const made = fields.flatMap(([name]) => paths.map((path) => plan({ ...example, [name]: path }).catch(() => null)))
    const files = (await Promise.all(made)).flatMap((planned) => planned?.files ?? [])
    const astray = files.filter(({ path }) => !/^\/[^\0]+$/.test(path) || /\/\.{1,2}(\/|$)/.test(path))
    return [...breaches, ...astray.map(({ path }) => `a file would go to ${JSON.stringify(path)}`)]
  },

  'redacted values are refused by name at any depth': async ({ example, refusal }) =>
    allRefused(
      refusal,
      ['********', '***', '<redacted>', '<REDACTED>', '[REDACTED]', '[redacted]'].flatMap((secret) => [
        [{ ...example, a: { b: [{ c: secret }] } }, 'TARGET_REDACTED a.b.0.c'] as const,
        ...Object.keys(example).map((name) => [{ ...example, [name]: secret }, `TARGET_REDACTED ${name}`] as const),
      ]),
    ),

  'empty commands and shell metacharacters are refused': async (trial) => {
    const { example, refusal } = trial
    const lines = ['', ' ', ' \t ', ...metacharacters.split('').map((tail) => `true ${tail} false`)]
    return allRefused(
      refusal,
      (await commandFieldsOf(trial)).flatMap((name) =>
        lines.map((line) => [{ ...example, [name]: line }, `TARGET_INVALID ${name}`] as const),
      ),
    )
  },

  'a target that is none is refused': async ({ refusal }) =>
    allRefused(
      refusal,
      [null, undefined, [], 'x', 1].map((target) => [target, 'TARGET_INVALID '] as const),
    ),

  'a target that is too large or nested too deep is refused, not recursed into': async ({ example, refusal }) =>
    allRefused(refusal, [
      [{ ...example, deep: JSON.parse('['.repeat(30_000) + ']'.repeat(30_000)) }, 'TARGET_INVALID '],
      [{ ...example, large: 'x'.repeat(65_536) }, 'TARGET_INVALID '],
    ]),
}

/** What every connector promises; asked of its example alone, on a host on which nothing is. */
export const contract: readonly Clause[] = Object.entries(clauses).map(([claim, breachesOf]) => ({
  claim,
  breaches: async (connector, material) => {
    try {
      return await breachesOf(openTrial(connector, material))
    } catch (error) {
      return [error instanceof WaxsealError ? `${error.code} ${JSON.stringify(error.details)}` : String(error)]
    }
  },
}))

const nowhere: HostView = {
  readFile: async () => null,
  exists: async () => false,
  mode: async () => null,
  user: async () => null,
  password: async () => ({ reason: 'this host has none' }),
  run: async () => ({ exitCode: 1, stdout: '' }),
}

function openTrial(connector: Connector, material: Material): Trial {
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

const shells = /(^|\/)(sh|bash|dash|zsh|ksh|env|eval|xargs|sudo)$/
const metacharacters = ';&|<>$`\\"\'(){}[]*?~#!\n\r'

async function allRefused(
  refusal: Trial['refusal'],
  cases: readonly (readonly [target: unknown, expected: string])[],
): Promise<readonly string[]> {
  const breaches: string[] = []
  for (const [target, expected] of cases) {
    const seen = await refusal(target)
    if (seen !== expected) breaches.push(`${shown(target)} is ${seen ?? 'accepted'}, not ${expected.trim()}`)
  }
  return breaches
}

function shown(target: unknown): string {
  return (JSON.stringify(target) ?? 'undefined').slice(0, 300)
}

/** The fields whose words become a command. */
async function commandFieldsOf({ example, fields, plan }: Trial): Promise<readonly string[]> {
  const found: string[] = []
  for (const [name] of fields) {
    const made = await plan({ ...example, [name]: 'waxseal-trial word' }).catch(() => null)
    if (made !== null && commandsOf(made).some((command) => command.join(' ') === 'waxseal-trial word'))
      found.push(name)
  }
  return found
}

function commandsOf({ check, activate, recover }: Plan): readonly Command[] {
  return [...(check === null ? [] : [check]), ...activate, ...recover]
}

/** Word by word; a placeholder of a standard command takes any word. */
function fits(command: Command, standard: Command): boolean {
  return (
    standard.length === command.length &&
    standard.every((word, index) => word === command[index] || /^<[a-z]+>$/.test(word))
  )
}

function sayWhy({ probes, unverified }: Plan): readonly string[] {
  if (probes.length > 0) return unverified === null ? [] : ['it has probes, and says that nothing was verified']
  return /^Nothing was verified: .+\.$/.test(unverified ?? '') ? [] : [`it has no probe, and says ${unverified}`]
}

function without(target: Target, fields: readonly string[]): Target {
  return Object.fromEntries(Object.entries(target).filter(([field]) => !fields.includes(field)))
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : []
}

function asText(plan: Plan): string {
  return JSON.stringify({ ...plan, files: plan.files.map((file) => ({ ...file, contents: [...file.contents] })) })
}

/** Also where JSON would leave a property out, or turn a value into another. */
function isDeepEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return Object.is(one, other)
  const [names, others] = [Object.keys(one), Object.keys(other)]
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === others.length &&
    names.every((name) => isDeepEqual(Reflect.get(one, name), Reflect.get(other, name)))
  )
}
