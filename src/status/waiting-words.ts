import type { StatusDocument } from './status-document.ts'

type Waiting = StatusDocument['waiting'][number]

const words = {
  turn: 'comes after what is being done',
  certificate: 'waits for its certificate from the control plane',
  'control-plane': 'waits for the control plane to take its request',
  try: 'was put off',
} as const satisfies Record<Waiting['waitsFor'], string>

/** What a job waits for, and until when, in one sentence. */
export function waitingWords({ job, kind, name, waitsFor, code, reason, nextTry }: Waiting): string {
  const until = nextTry === null ? '' : `, and is tried again at ${nextTry.slice(0, 19).replace('T', ' ')} UTC`
  return `${name} (${kind} ${job}): ${words[waitsFor]}${until}${code === null ? '' : `: ${code}: ${reason ?? ''}`}`
}
