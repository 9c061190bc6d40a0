import { createHash } from 'node:crypto'
import t from 'tap'
import type { FileRole, Plan, PlannedFile } from '../../../src/plan/plan.ts'
import { printPlan } from '../../../src/plan/printed-plan.ts'

const contents = Buffer.from('these are the bytes')
const roles: readonly FileRole[] = ['certificate', 'chain', 'other', 'key', 'bundle']
const plan: Plan = {
  connector: 'postfix',
  service: 'postfix',
  files: roles.map(fileOf),
  check: ['postfix', 'check'],
  activate: [['postfix', 'reload']],
  recover: [['postfix', 'reload']],
  probes: [
    { host: '::1', port: 25, protocol: 'smtp', servername: null, keyType: 'rsa', timeoutMs: 10_000 },
    { host: 'mail.example.net', port: 465, protocol: 'tls', servername: 'a.example', keyType: null, timeoutMs: 10_000 },
  ],
  unverified: null,
  wiring: null,
  retry: { attempts: 8, initialMs: 100, maxMs: 16_000 },
  generation: null,
  backupRetention: 3,
}

t.test('a printed plan survives JSON', async (t) => {
  const printed = printPlan(plan)

  t.strictSame(JSON.parse(JSON.stringify(printed)), printed)
})

t.test('all but the contents is printed', async (t) => {
  const { files, ...rest } = printPlan(plan)
  const { files: planned, ...expected } = plan

  t.strictSame(rest, expected)
  for (const [index, file] of files.entries()) {
    const { contents: _, ...access } = planned[index] ?? fileOf('other')

    t.match(file, { ...access, bytes: contents.length })
    t.notOk('contents' in file)
  }
  t.notMatch(JSON.stringify(files), /these are|dGhlc2/)
})

t.test('a digest stands for contents that are no secret; of a key there is none', async (t) => {
  const digest = createHash('sha256').update(contents).digest('hex')

  t.same(
    printPlan(plan).files.map(({ role, sha256 }) => [role, sha256]),
    [
      ['certificate', digest],
      ['chain', digest],
      ['other', digest],
      ['key', null],
      ['bundle', null],
    ],
  )
})

function fileOf(role: FileRole): PlannedFile {
  return { path: `/srv/${role}.pem`, role, contents, mode: 0o640, owner: 'root', group: 'keep' }
}
