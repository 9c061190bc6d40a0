import { pino } from 'pino'
import { answerLine } from '../../../../src/deployer/serve/answer-line.ts'
import { type Ask, LineRefused, lineOf, readAnswer } from '../../../../src/documents/ask.ts'
import { documentsVersion } from '../../../../src/documents/documents-version.ts'
import { type Boundary, Violation } from '../fuzz.ts'
import { mutateJson, mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

const job = {
  kind: 'deployment',
  id: 'job-1',
  certificateId: 'cert-1',
  targetId: 'target-1',
  targetName: 'mail',
  targetType: 'Postfix',
  targetConfig: { cert_path: '/etc/postfix/cert.pem', key_path: '/etc/postfix/key.pem' },
  order: { document: 'AAAA', signature: `${'A'.repeat(86)}==`, key: 'a'.repeat(64), issuers: 'PEM' },
} as const

/** One of each ask. */
const asks: readonly Ask[] = [
  {
    ask: 'take',
    jobs: [job, { kind: 'issuance', id: 'j2', certificateId: 'c', commonName: 'a.example.net', sans: [] }],
  },
  {
    ask: 'take',
    jobs: [{ kind: 'unsupported', id: 'j3', certificateId: 'c', type: 'Other', reason: 'status Running' }],
  },
  { ask: 'take', jobs: [{ kind: 'validation', id: 'j4', certificateId: 'c', targetId: 'target-1' }] },
  {
    ask: 'certificate',
    certificateId: 'cert-1',
    pem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  },
  { ask: 'withheld', certificateId: 'cert-1', error: { code: 'CONTROL_PLANE_REFUSED', details: { status: 404 } } },
  { ask: 'work' },
  { ask: 'answers', seen: null, after: null, waitMs: 0 },
  {
    ask: 'delivered',
    reports: [{ id: 'job-1/Running', digest: 'a'.repeat(64), fate: 'taken', refusal: null }],
    requests: [{ jobId: 'j2', error: { code: 'CONTROL_PLANE_REFUSED', details: {} } }],
  },
  { ask: 'inspect' },
]

/** A line that a half that was taken over might write. */
export function hostileLine(random: Random): string {
  const ask = random.pick(asks)
  if (random.below(3) === 0) return mutateText(lineOf(ask), random).replaceAll('\n', ' ')
  return JSON.stringify(
    random.below(4) === 0
      ? mutateJson({ v: documentsVersion, document: ask }, random)
      : { v: documentsVersion, document: mutateJson(ask, random) },
  )
}

const silent = pino({ level: 'silent' })

/** Lines of the courier, as the deployer reads them. */
export const asked: Boundary = {
  name: 'socket between the halves: asks',
  share: 1200,
  open: async () => ({
    take: async (random) => {
      const deployer = { answer: async () => ({}) }
      const answer = await answerLine(hostileLine(random), deployer, new AbortController().signal, silent)
      const read = readAnswer('work', answer)
      if ('error' in read && read.error.code === 'INTERNAL') throw new Violation(`it is answered with ${answer}`)
      if ('error' in read) throw new LineRefused(read.error.code)
      return read
    },
    close: async () => {},
  }),
}

const answers = [
  ['take', { fresh: 1, full: null }],
  ['work', {}],
  [
    'answers',
    {
      stamp: 'abc-1',
      isBusy: false,
      reports: [
        {
          id: 'a',
          digest: 'a'.repeat(64),
          since: 1,
          refusal: null,
          report: { kind: 'status', jobId: 'a', status: 'Failed' },
        },
      ],
      next: null,
      requests: [{ jobId: 'j', certificateId: 'c', csrPem: 'PEM' }],
      wanted: ['c'],
    },
  ],
  ['inspect', { looks: [{ target: 't', at: '2026-11-26T00:00:00Z', reasons: ['x'] }] }],
  ['work', { error: { code: 'JOB_MALFORMED', details: { reason: 'x' } } }],
] as const

/** Lines of the deployer, as the courier reads them. */
export const answered: Boundary = {
  name: 'socket between the halves: answers',
  share: 500,
  open: async () => ({
    take: async (random) => {
      const [word, answer] = random.pick(answers)
      const line =
        random.below(2) === 0
          ? mutateText(JSON.stringify({ v: documentsVersion, document: answer }), random)
          : JSON.stringify(mutateJson({ v: documentsVersion, document: answer }, random))
      return readAnswer(word, line)
    },
    close: async () => {},
  }),
}
