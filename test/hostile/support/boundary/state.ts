import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keyringSchema } from '../../../../src/deployer/key/keyrings.ts'
import { takenOrderSchema } from '../../../../src/deployer/order/order-memory.ts'
import { courierMemorySchema } from '../../../../src/deployer/serve/courier-memory.ts'
import { sealEnvelope } from '../../../../src/host/file/envelope.ts'
import { openDocumentFolder } from '../../../../src/host/file/folder/document-folder.ts'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { claimedJobSchema } from '../../../../src/inbox/inbox.ts'
import { recordSchema } from '../../../../src/journal/deployment-record.ts'
import { openHistory } from '../../../../src/journal/history.ts'
import { journalSchema } from '../../../../src/journal/journal-schema.ts'
import { deadSchema, waitingSchema } from '../../../../src/outbox/outbox-schema.ts'
import { journalEntry } from '../../../support/journal-entry.ts'
import { type Boundary, Violation } from '../fuzz.ts'
import { mutateBytes, mutateJson, mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

const report = { kind: 'status', jobId: 'job-1', status: 'Failed', error: 'x' }
const file = {
  path: '/srv/live/cert.pem',
  role: 'certificate',
  destination: '/srv/live/cert.pem',
  staged: '/srv/live/.waxseal-0123456789abcdef01234567.new',
  kept: '/srv/live/.waxseal-0123456789abcdef01234567.old',
  before: null,
  after: { digest: 'a'.repeat(64), mode: 0o644, uid: 0, gid: 0 },
} as const
const entry = journalEntry({ files: [file], link: null })
const [deployment] = entry.deployments
const folders = [
  [
    'inbox',
    claimedJobSchema,
    { job: { kind: 'issuance', id: 'a', certificateId: 'c', commonName: 'x', sans: [] }, tries: 0, finishedAt: null },
  ],
  ['outbox', waitingSchema, { report, attempts: 1, nextAt: 5, since: 4, refusal: 'no' }],
  [
    'courier',
    courierMemorySchema,
    {
      starts: 3,
      membership: {
        trust: { basis: 'a'.repeat(64), ca: 'pem' },
        credential: { basis: 'b'.repeat(64), since: 4, secrets: ['new', 'old'] },
      },
    },
  ],
  ['orders', takenOrderSchema, { sequence: 7, digest: 'a'.repeat(64), name: 'mail', notAfter: '2027-01-01T00:00:00Z' }],
  [
    'keyrings',
    keyringSchema,
    {
      commonName: 'x',
      asked: [{ spkiSha256: 'a'.repeat(64), jobId: 'job-1', at: 4 }],
      next: 'b'.repeat(64),
      tlsa: ['c'.repeat(64)],
    },
  ],
  ['dead', deadSchema, { report, refusal: 'no', since: 4 }],
  ['journal', journalSchema, entry],
  [
    'deployments',
    recordSchema,
    {
      target: 'target',
      connector: 'postfix',
      service: 'postfix',
      deployed: '2026-11-24T03:04:05.000Z',
      ...deployment?.record,
      probes: [],
      looks: [],
      check: ['true'],
    },
  ],
] as const

/** Files of the state folder: what was changed is set aside, and what is next to it is read. */
export const documents: Boundary = {
  name: 'state: documents',
  share: 1200,
  open: async () => {
    const dir = await makeTemporaryFolder('waxseal-fuzz-')
    return {
      take: async (random) => {
        const [name, schema, document] = random.pick(folders)
        const path = join(dir, name)
        await mkdir(path, { recursive: true, mode: 0o700 })
        await writeFile(join(path, 'a.json'), fileOf(document, random), { mode: 0o600 })
        const whole = { v: 1, id: 'whole', since: 1, document } as const
        await writeFile(join(path, 'whole.json'), sealEnvelope(whole), { mode: 0o600 })
        const folder = await openDocumentFolder({ path, schema })
        const read = await folder.list()
        if (!read.some(({ id }) => id === 'whole')) throw new Violation(`a whole document of ${name} is not read`)
        for (const left of await readdir(path)) await rm(join(path, left))
        return read
      },
      close: () => removeTree(dir),
    }
  },
}

/** Torn, changed, or with a digest that is right and a content that is not. */
function fileOf(document: unknown, random: Random): Uint8Array {
  const envelope = { v: 1, id: 'a', since: 1, document } as const
  if (random.below(3) === 0) return mutateBytes(sealEnvelope(envelope), random)
  if (random.below(2) === 0) return Buffer.from(mutateText(JSON.stringify(envelope), random))
  return sealEnvelope({ ...envelope, document: mutateJson(document, random) })
}

const line = {
  v: 1,
  time: '2026-11-24T03:04:05.000Z',
  target: 'target',
  connector: 'postfix',
  outcome: 'deployed',
  host: 'changed',
  code: null,
  message: '',
  sha256: null,
  ms: 5,
  steps: [{ name: 'plan', ms: 1 }],
}

/** The history, whose lines are read one by one. */
export const history: Boundary = {
  name: 'state: history',
  share: 300,
  open: async () => {
    const dir = await makeTemporaryFolder('waxseal-fuzz-')
    const path = join(dir, 'history.jsonl')
    return {
      take: async (random) => {
        const lines = [1, 2, 3].map(() => mutateText(JSON.stringify(line), random))
        await writeFile(path, `${JSON.stringify(line)}\n${lines.join('\n')}\n`, { mode: 0o600 })
        const opened = openHistory(path)
        const read = await opened.read()
        if (read.length === 0) throw new Violation('a whole line of the history is not read')
        return opened.lastPerTarget()
      },
      close: () => removeTree(dir),
    }
  },
}
