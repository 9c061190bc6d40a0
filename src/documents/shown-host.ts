import { type DeploymentRecord, recordSchema } from '../journal/deployment-record.ts'
import { type HistoryLine, historyLineSchema } from '../journal/history.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import type { Job } from './job.ts'

/** How TLSA records stand to the live pair. `unknown`: the DNS does not answer. */
export const daneStates = ['matches', 'mismatch', 'unknown'] as const

/** What a look at the DNS found at one owner name of TLSA records. */
export interface ShownDane {
  readonly owner: string
  readonly state: (typeof daneStates)[number]
  /** As zone files have them. */
  readonly published: readonly { readonly value: string; readonly matches: boolean }[]
  /** A validating resolver on loopback says so. */
  readonly isSecure: boolean
  /** The record to publish where none matches. */
  readonly publish: string | null
  readonly failed: string | null
}

/** What a look at disk and ports found of one target. */
export interface Look {
  readonly target: string
  readonly at: string
  readonly reasons: readonly string[]
  readonly probes: readonly ProbeOutcome[]
  readonly files: readonly {
    readonly path: string
    readonly role: string
    readonly leaf: string | null
    readonly reason: string | null
  }[]
  /** Names that have such records, or of which nobody knows. Missing: a version from before this wrote it. */
  readonly dane?: readonly ShownDane[]
}

/** What a job waits for. `try`: it was put off. */
export const waitedFor = ['turn', 'certificate', 'control-plane', 'try'] as const

/** A job that is not done, and not being done. */
export interface WaitingJob {
  readonly job: string
  readonly kind: Job['kind']
  /** What people call what it is for: its target, or the name of its certificate. */
  readonly name: string
  readonly waitsFor: (typeof waitedFor)[number]
  /** The error that put it off: null: none did. */
  readonly code: string | null
  readonly reason: string | null
  /** When it is tried again; RFC 3339, UTC. Null: as soon as what it waits for is there. */
  readonly nextTry: string | null
}

/** So many of the jobs that wait are shown, oldest first. */
export const mostShownWaiting = 100

/**
 * What people may see of the deployer's state: it writes this document into a folder of root's, the courier reads it. No key is in
 * it, and no command's output.
 */
export interface ShownHost {
  readonly v: 1
  /** RFC 3339, UTC. */
  readonly at: string
  readonly records: readonly DeploymentRecord[]
  /** The last deployment of each target. */
  readonly last: readonly HistoryLine[]
  /** The newest deployments that ended, of whatever target, oldest first: at most 200. */
  readonly recent: readonly HistoryLine[]
  readonly looks: readonly Look[]
  /** What the last start found of interrupted deployments. */
  readonly recovered: readonly {
    readonly target: string
    readonly name: string
    readonly did: string
    readonly code: string | null
  }[]
  /** Files of the state directory that are not to be trusted. */
  readonly setAside: readonly string[]
  /** Jobs that are not done, and results that are not delivered. */
  readonly inbox: number
  readonly outbox: number
  /** Results that the control plane refused. */
  readonly deadLetters: readonly { readonly job: string; readonly refusal: string }[]
  /** Results of a kind that the control plane refuses as a whole. */
  readonly held: readonly {
    readonly kind: 'status' | 'verification' | 'renewed'
    readonly count: number
    readonly refusal: string
  }[]
  /** The jobs being run; empty: the deployer is at rest, or has ended. */
  readonly currentJobs: readonly string[]
  /** The oldest of the other jobs, at most 100. Missing: a version from before this wrote it. */
  readonly waiting?: readonly WaitingJob[]
  /** What of the host's own targets cannot be used, a sentence each. */
  readonly brokenTargets: readonly string[]
}

/** Below the state directory's parent: `/var/lib/waxseal-view`. */
export function viewFolder(stateDir: string): string {
  return `${stateDir}-view`
}

/** In the view folder. */
export const shownHostFile = 'host.json'

/** It is read up to this many bytes. */
export const longestShownHost = 64 * 1024 * 1024

const text = { type: 'string', maxLength: 4096 } as const

/** JSON schema of the document. */
export const shownHostSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'v',
    'at',
    'records',
    'last',
    'recent',
    'looks',
    'recovered',
    'setAside',
    'inbox',
    'outbox',
    'deadLetters',
    'held',
    'currentJobs',
    'brokenTargets',
  ],
  properties: {
    v: { const: 1 },
    at: text,
    records: { type: 'array', items: recordSchema },
    last: { type: 'array', items: historyLineSchema },
    recent: { type: 'array', maxItems: 200, items: historyLineSchema },
    looks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['target', 'at', 'reasons', 'probes', 'files'],
        properties: {
          target: text,
          at: text,
          reasons: { type: 'array', items: { type: 'string' } },
          probes: { type: 'array', items: { type: 'object', required: ['address', 'protocol', 'seen', 'ok'] } },
          files: { type: 'array', items: { type: 'object', required: ['path', 'role', 'leaf', 'reason'] } },
          dane: {
            type: 'array',
            items: {
              type: 'object',
              required: ['owner', 'state', 'published', 'isSecure', 'publish', 'failed'],
              properties: {
                state: { enum: daneStates },
                published: { type: 'array', items: { type: 'object', required: ['value', 'matches'] } },
              },
            },
          },
        },
      },
    },
    recovered: { type: 'array', items: { type: 'object', required: ['target', 'name', 'did', 'code'] } },
    setAside: { type: 'array', items: text },
    inbox: { type: 'integer', minimum: 0 },
    outbox: { type: 'integer', minimum: 0 },
    deadLetters: { type: 'array', items: { type: 'object', required: ['job', 'refusal'] } },
    held: { type: 'array', items: { type: 'object', required: ['kind', 'count', 'refusal'] } },
    currentJobs: { type: 'array', items: text },
    waiting: {
      type: 'array',
      maxItems: mostShownWaiting,
      items: {
        type: 'object',
        required: ['job', 'kind', 'name', 'waitsFor', 'code', 'reason', 'nextTry'],
        properties: { waitsFor: { enum: waitedFor } },
      },
    },
    brokenTargets: { type: 'array', items: text },
  },
} as const
