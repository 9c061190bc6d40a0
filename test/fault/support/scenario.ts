import type { TestPair } from '../../support/certificates.ts'

/** The files of a target, by their paths below the folder that the daemon reads. */
export type Layout = 'pair' | 'chain' | 'bundle' | 'generation' | 'two targets'

/** What is there at first, what is done, and how it ends when nobody interrupts it. */
export interface Scenario {
  readonly name: string
  readonly layout: Layout
  /** `found`: put there by somebody else. `deployed`: by an earlier deployment, with its records. */
  readonly start: 'nothing' | 'found' | 'deployed'
  readonly ends: 'deployed' | 'rolled-back'
  /**
   * The deployment was killed before its first call that matches this, and what is killed at each call is the
   * recovery. Null: the deployment is.
   */
  readonly interruptedAt: RegExp | null
  /**
   * At every call. Otherwise not within the write of one document of the state directory, of which each scenario has the
   * same: only at its rename and after it.
   */
  readonly isThorough: boolean
}

const deployments = [
  { name: 'new files', layout: 'pair', start: 'nothing', ends: 'deployed' },
  { name: 'replacement', layout: 'pair', start: 'found', ends: 'deployed' },
  { name: 'replacement of a deployed pair', layout: 'pair', start: 'deployed', ends: 'deployed' },
  { name: 'replacement with a chain file', layout: 'chain', start: 'found', ends: 'deployed' },
  { name: 'bundle', layout: 'bundle', start: 'found', ends: 'deployed' },
  { name: 'generation, first time', layout: 'generation', start: 'nothing', ends: 'deployed' },
  { name: 'generation, second time', layout: 'generation', start: 'deployed', ends: 'deployed' },
  { name: 'rollback', layout: 'pair', start: 'found', ends: 'rolled-back' },
  { name: 'rollback of new files', layout: 'pair', start: 'nothing', ends: 'rolled-back' },
  { name: 'rollback of a generation', layout: 'generation', start: 'deployed', ends: 'rolled-back' },
  { name: 'two targets in one transaction', layout: 'two targets', start: 'found', ends: 'deployed' },
] as const

const thorough: readonly string[] = ['new files', 'replacement', 'generation, second time', 'rollback']

/** Before the key takes its place: the certificate has. */
const betweenRenames = /^rename.*"[^"]*\/live\/key\.pem"\)/
/** Before the first file of the second target takes its place: the first target is committed. */
const betweenTargets = /^rename.*"[^"]*\/live\/second\/cert\.pem"\)/
const beforeLink = /^rename.*"[^"]*\/live\/current"\)/
const afterSettle = /^unlink.*\/live\/\.waxseal-.*\.old"/
const archiving = /O_CREAT.*\/state\/archive\/\.waxseal/

const recoveries = [
  { name: 'recovery between the renames', layout: 'pair', start: 'found', at: betweenRenames },
  { name: 'recovery between the renames of new files', layout: 'pair', start: 'nothing', at: betweenRenames },
  { name: 'recovery of what is only staged', layout: 'pair', start: 'found', at: /^link.*\.old"\)/ },
  { name: 'recovery after the commit', layout: 'pair', start: 'found', at: archiving },
  { name: 'recovery while it settles', layout: 'pair', start: 'found', at: afterSettle },
  { name: 'recovery of a staged generation', layout: 'generation', start: 'deployed', at: beforeLink },
  { name: 'recovery between two targets', layout: 'two targets', start: 'found', at: betweenTargets },
  { name: 'recovery of a switched generation', layout: 'generation', start: 'deployed', at: archiving },
] as const

/** All that the deployment and its recovery are killed in. */
export const scenarios: readonly Scenario[] = [
  ...deployments.map((scenario) => ({
    ...scenario,
    interruptedAt: null,
    isThorough: thorough.includes(scenario.name),
  })),
  ...recoveries.map(({ at, ...scenario }) => ({
    ...scenario,
    ends: 'deployed' as const,
    interruptedAt: at,
    isThorough: false,
  })),
  {
    name: 'recovery in the middle of a rollback',
    layout: 'pair',
    start: 'found',
    ends: 'rolled-back',
    interruptedAt: /^rename.*\.old", .*\/live\/key\.pem"\)/,
    isThorough: true,
  },
  {
    name: 'recovery in the middle of the rollback of two targets',
    layout: 'two targets',
    start: 'found',
    ends: 'rolled-back',
    interruptedAt: /^rename.*\.old", .*\/live\/second\/key\.pem"\)/,
    isThorough: false,
  },
  {
    name: 'recovery in the middle of the rollback of a generation',
    layout: 'generation',
    start: 'deployed',
    ends: 'rolled-back',
    interruptedAt: /^unlink.*\/live\/generations\//,
    isThorough: false,
  },
]

/** What each target of this layout says of its paths. */
export function pathsOf(layout: Layout, live: string): readonly Readonly<Record<string, string>>[] {
  if (layout === 'generation') return [{ layout, directory: live }]
  if (layout === 'bundle') return [{ cert_path: `${live}/both.pem`, key_path: `${live}/both.pem` }]
  const pair = { cert_path: `${live}/cert.pem`, key_path: `${live}/key.pem` }
  if (layout === 'two targets')
    return [pair, { cert_path: `${live}/second/cert.pem`, key_path: `${live}/second/key.pem` }]
  return [layout === 'chain' ? { ...pair, chain_path: `${live}/chain.pem` } : pair]
}

/** The files of a layout that hold this pair, by their paths below the folder that the daemon reads. */
export function contentsOf(layout: Layout, pair: TestPair): Readonly<Record<string, string>> {
  const whole = pair.certificatePem + pair.chainPem
  if (layout === 'bundle') return { 'both.pem': pair.keyPem + whole }
  if (layout === 'generation') return { 'current/cert.pem': whole, 'current/key.pem': pair.keyPem }
  const files = { 'cert.pem': whole, 'key.pem': pair.keyPem }
  if (layout === 'pair') return files
  if (layout === 'two targets') return { ...files, 'second/cert.pem': whole, 'second/key.pem': pair.keyPem }
  return { 'cert.pem': pair.certificatePem, 'chain.pem': pair.chainPem, 'key.pem': pair.keyPem }
}
