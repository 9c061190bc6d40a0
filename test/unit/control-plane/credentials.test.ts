import t from 'tap'
import { Credentials } from '../../../src/control-plane/credentials.ts'
import type { Send } from '../../../src/control-plane/request.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'

const call = { method: 'GET', path: '/work' } as const

t.test(
  'a call that is refused with 401 is made with the next credential, and what was taken comes first from then on',
  async (t) => {
    const { credentials, sent } = open('old', ['old'])
    credentials.offer(['new', 'old'])

    t.equal(await credentials.send(call), 'answered old')
    t.same(sent, ['new', 'old'])
    t.equal(credentials.proven, 'old')
    await credentials.send(call)
    t.same(sent, ['new', 'old', 'old'])
  },
)

t.test('a server that was restored from a backup gets the configured credential', async (t) => {
  const { credentials } = open('configured', ['configured'])
  credentials.offer(['exchanged'])

  t.equal(await credentials.send(call), 'answered configured')
})

t.test(
  'where all are refused the call fails once, as the first did, and each is tried again the next time',
  async (t) => {
    const { credentials, sent } = open('old', [])
    credentials.offer(['new', 'old'])

    for (const _ of [1, 2]) await t.rejects(credentials.send(call), { code: 'CONTROL_PLANE_REFUSED' })
    t.same(sent, ['new', 'old', 'new', 'old'])
    t.equal(credentials.proven, null)
  },
)

t.test('any other failure is the end of a call, and says nothing of a credential', async (t) => {
  const { credentials, sent } = open('old', ['old'], 503)
  credentials.offer(['new'])

  await t.rejects(credentials.send(call), { code: 'CONTROL_PLANE_UNREACHABLE' })
  t.same(sent, ['new'])
})

t.test('the late answer to a call with the old one does not bring it back', async (t) => {
  const late = Promise.withResolvers<void>()
  const credentials = new Credentials(async ({ credential }) => {
    if (credential === 'old') await late.promise
    return credential
  }, 'old')
  const before = credentials.send(call)
  credentials.offer(['new', 'old'])
  await credentials.send(call)
  late.resolve()

  t.equal(await before, 'old')
  t.equal(credentials.proven, 'new')
  t.equal(await credentials.send(call), 'new')
})

/** A server that takes these, and answers any other with `status`. */
function open(configured: string, taken: readonly string[], status = 401) {
  const sent: unknown[] = []
  const send: Send = async ({ credential }) => {
    sent.push(credential)
    if (credential !== undefined && taken.includes(credential)) return `answered ${credential}`
    throw new WaxsealError(status === 401 ? 'CONTROL_PLANE_REFUSED' : 'CONTROL_PLANE_UNREACHABLE', { status })
  }
  return { credentials: new Credentials(send, configured), sent }
}
