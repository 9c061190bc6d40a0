import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Material } from '../../material/material.ts'
import type { Command, Plan } from '../../plan/plan.ts'
import { printPlan } from '../../plan/printed-plan.ts'
import type { Connector } from '../connector.ts'
import { openObjects } from './closed-schema.ts'
import { parsePlan } from './parse-plan.ts'
import { openTrial, placesOf, put, stringsIn, type Target, type Trial, without } from './trial.ts'

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
    ...fields
      .filter(([, { description }]) => typeof description !== 'string')
      .map(([name]) => `${name} is not described`),
  ],

  'its example is a target, and its plan is valid': async ({ connector, example, plan }) => {
    parsePlan(connector.name, await plan(example))
    return []
  },

  'equal inputs give equal plans': async ({ example, plan }) =>
    asText(await plan(example)) === asText(await plan(structuredClone(example))) ? [] : ['two plans differ'],

  'a plan survives JSON, contents aside': async ({ example, plan }) => {
    const printed = printPlan(await plan(example))
    return isSame(JSON.parse(JSON.stringify(printed)), printed) ? [] : ['JSON changes its plan']
  },

  'no file lies outside the paths that the example declares': async ({ example, plan }) => {
    const declared = stringsIn(example, '').flatMap(({ text }) =>
      text.startsWith('/') ? [text.replace(/\/+$/, '')] : [],
    )
    const { files } = await plan(example)
    return files
      .filter(({ path }) => !declared.includes(path) && !declared.includes(path.slice(0, path.lastIndexOf('/'))))
      .map(({ path }) => `${path} is not declared`)
  },

  'it proposes no shell': async ({ connector, example, plan }) =>
    [...commandsOf(await plan(example)), ...connector.standardCommands]
      .filter((command) => command.some((word) => shells.test(word)))
      .map((command) => command.join(' ')),

  'its standard commands are fixed words': async ({ connector: { standardCommands } }) =>
    standardCommands.flatMap((command) =>
      command.filter((word) => /^<.*>$/.test(word) && word !== '<map>' && word !== '<file>'),
    ),

  'its own commands are among its standard ones': async (trial) => {
    const own = await trial.plan(without(trial.example, await commandPlaces(trial)))
    return commandsOf(own)
      .filter((command) => !trial.connector.standardCommands.some((standard) => fits(command, standard)))
      .map((command) => command.join(' '))
  },

  'it has probes, or says why it has none': async ({ example, fields, plan }) => {
    const breaches = sayWhy(await plan(without(example, ['endpoints', 'post_deploy_verify'])))
    if (!fields.some(([name]) => name === 'endpoints')) return breaches
    const { probes } = await plan({ ...example, endpoints: ['mail.example.net:25'] })
    const isSeen = probes.some(({ host, port }) => host === 'mail.example.net' && port === 25)
    return [...breaches, ...(isSeen ? [] : ['it does not look at the endpoint that the target names'])]
  },

  'unknown fields are refused by name, at every depth': async ({ example, fields, refusal }) => {
    const objects = ['', ...fields.flatMap(([name, { type }]) => (type === 'object' ? [`${name}.`] : []))]
    const inItems = stringsIn(example, '').flatMap(({ place }) => /^.*\.\d+\./.exec(place)?.[0] ?? [])
    return allRefused(
      refusal,
      [...objects, ...inItems].map((object) => {
        const field = `${object}certpath`
        return [put(example, field, '/x'), `TARGET_INVALID ${field}`]
      }),
    )
  },

  'relative paths are refused': async (trial) => {
    const { example, plan, refusal } = trial
    const isPath = ({ pattern }: Target): boolean => /^\^\(?\//.test(String(pattern))
    const named = [
      ...trial.fields.flatMap(([name, schema]) => (isPath(schema) ? [name] : [])),
      ...stringsIn(example, '').flatMap(({ place, text }) => (text.startsWith('/') ? [place] : [])),
    ]
    const given = (places: readonly string[]): readonly (readonly [place: string, target: Target])[] =>
      places.flatMap((place) => astray.map((path) => [place, put(example, place, path)] as const))
    const breaches = await allRefused(
      refusal,
      given(named).map(([place, target]) => [target, `TARGET_INVALID ${place}`]),
    )
    const made = given(placesOf(trial)).map(([, target]) => plan(target).catch(() => null))
    const files = (await Promise.all(made)).flatMap((planned) => planned?.files ?? [])
    const wrong = files.filter(({ path }) => !/^\/[^\0]+$/.test(path) || /\/\.{1,2}(\/|$)/.test(path))
    return [...breaches, ...wrong.map(({ path }) => `a file would go to ${JSON.stringify(path)}`)]
  },

  'redacted values are refused by name at any depth': async ({ example, refusal }) =>
    allRefused(
      refusal,
      ['********', '***', '<redacted>', '<REDACTED>', '[REDACTED]', '[redacted]'].flatMap((secret) =>
        ['a.b.c', ...Object.keys(example), ...stringsIn(example, '').map(({ place }) => place)].map(
          (place) => [put(example, place, secret), `TARGET_REDACTED ${place}`] as const,
        ),
      ),
    ),

  'empty commands and shell metacharacters are refused': async (trial) => {
    const lines = ['', ' ', ' \t ', ...metacharacters.split('').map((tail) => `true ${tail} false`)]
    const places = await commandPlaces(trial)
    return allRefused(
      trial.refusal,
      places.flatMap((place) => lines.map((line) => [put(trial.example, place, line), `TARGET_INVALID ${place}`])),
    )
  },

  'a target that is none is refused': async ({ refusal }) =>
    allRefused(
      refusal,
      [null, undefined, [], 'x', 1].map((target) => [target, 'TARGET_INVALID ']),
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

const shells = /(^|\/)(sh|bash|dash|zsh|ksh|env|eval|xargs|sudo)$/
const metacharacters = ';&|<>$`\\"\'(){}[]*?~#!\n\r'
const astray = ['cert.pem', './cert.pem', '../cert.pem', '/a\0b']

async function allRefused(
  refusal: Trial['refusal'],
  cases: readonly (readonly [target: unknown, expected: string])[],
): Promise<readonly string[]> {
  const breaches: string[] = []
  for (const [target, expected] of cases) {
    const seen = await refusal(target)
    if (seen === expected) continue
    const shown = (JSON.stringify(target) ?? 'undefined').slice(0, 300)
    breaches.push(`${shown} is ${seen ?? 'accepted'}, not ${expected.trim()}`)
  }
  return breaches
}

/** Where a target has a line that becomes a command. */
async function commandPlaces(trial: Trial): Promise<readonly string[]> {
  const found: string[] = []
  for (const place of placesOf(trial)) {
    const made = await trial.plan(put(trial.example, place, 'waxseal-trial word')).catch(() => null)
    if (made !== null && commandsOf(made).some((command) => command.join(' ') === 'waxseal-trial word'))
      found.push(place)
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
    standard.every((word, index) => word === command[index] || word === '<map>' || word === '<file>')
  )
}

function sayWhy({ probes, unverified }: Plan): readonly string[] {
  if (probes.length > 0) return unverified === null ? [] : ['it has probes, and says that nothing was verified']
  return /^Nothing was verified: .+\.$/.test(unverified ?? '') ? [] : [`it has no probe, and says ${unverified}`]
}

function asText(plan: Plan): string {
  return JSON.stringify({ ...plan, files: plan.files.map((file) => ({ ...file, contents: [...file.contents] })) })
}

/** Also where JSON would leave a property out, or turn a value into another. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return Object.is(one, other)
  const names = Object.keys(one)
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(other).length &&
    names.every((name) => isSame(Reflect.get(one, name), Reflect.get(other, name)))
  )
}
