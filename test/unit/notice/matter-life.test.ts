import t from 'tap'
import type { Condition, Matter } from '../../../src/notice/matter.ts'
import { codeIn } from '../../../src/notice/matter.ts'
import { lookAt, mostOfKind, toTell, whenTold } from '../../../src/notice/matter-life.ts'
import { isMutedBy } from '../../../src/notice/mute.ts'
import { failedDeployment as failed } from '../../support/matters.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const start = Date.parse('2026-11-01T00:00:00Z')

/** Looks every minute, and tells what is to be told. */
function watcher(isMuted: (matter: Matter) => boolean = () => false) {
  let matters: readonly Matter[] = []
  let now = start
  const told: string[] = []
  return {
    told,
    matters: () => matters,
    watch: (minutes: number, conditions: readonly Condition[], incomplete: readonly Condition['kind'][] = []) => {
      for (let minute = 0; minute < minutes; minute++) {
        matters = lookAt(matters, { now, conditions, incomplete: new Set(incomplete) })
        const tell = toTell(matters, now, isMuted)
        for (const [what, list] of Object.entries(tell) as [string, readonly Matter[]][])
          told.push(...list.map(({ code }) => `${what} ${code}`))
        matters = whenTold(matters, tell, now)
        now += minuteMs
      }
    },
  }
}

t.test('a matter is told once, reminded of daily, and told when it is over', async (t) => {
  const { watch, told } = watcher()

  watch(60, [failed])
  t.same(told, ['opened VERIFY_FAILED'])
  watch(24 * 60, [failed])
  t.same(told, ['opened VERIFY_FAILED', 'still VERIFY_FAILED'])
  watch(60, [])
  t.same(told, ['opened VERIFY_FAILED', 'still VERIFY_FAILED', 'over VERIFY_FAILED'])
})

t.test('of one kind what is wrong now is told at once, and what may mend itself waits for its code', (t) => {
  const { watch, told } = watcher()
  const dane = { ...failed, kind: 'dane' } as const

  watch(1, [{ ...dane, code: 'DANE_UNMATCHED' }])
  t.same(told, ['opened DANE_UNMATCHED'])
  watch(60, [{ ...dane, subject: 'other', code: 'DANE_PROBLEM' }])
  t.notOk(told.includes('opened DANE_PROBLEM'))
  watch(1, [{ ...dane, subject: 'other', code: 'DANE_PROBLEM' }])
  t.equal(told.at(-1), 'opened DANE_PROBLEM')
  t.end()
})

t.test('what goes away and comes back within minutes is one matter', async (t) => {
  const { watch, told } = watcher()

  for (let turn = 0; turn < 30; turn++) {
    watch(1, [failed])
    watch(3, [])
  }

  t.same(told, ['opened VERIFY_FAILED'])
})

t.test('what comes and goes all day is told six times a day, and no more', async (t) => {
  const { watch, told } = watcher()

  for (let turn = 0; turn < 48; turn++) {
    watch(10, [failed])
    watch(20, [])
  }

  t.equal(told.length, 6, told.join(', '))
})

t.test('who changes the code of a failure again and again has no more tellings by it', async (t) => {
  const { watch, told } = watcher()
  const codes = ['VERIFY_FAILED', 'CHECK_FAILED', 'ACTIVATE_FAILED', 'COMMIT_FAILED', 'OTHER']

  for (let turn = 0; turn < 48; turn++) watch(30, [{ ...failed, code: codes[turn % codes.length] ?? '' }])

  t.equal(told.length, 6, told.join(', '))
})

t.test('what became worse is told anew, and the lighter matter is not told to be over', async (t) => {
  const { watch, told } = watcher()
  const end = { ...failed, kind: 'certificate-end', code: 'LAST_TENTH' } as const

  watch(10, [end])
  watch(60, [{ ...end, code: 'EXPIRED' }])

  t.same(told, ['opened LAST_TENTH', 'opened EXPIRED'])
})

t.test('what cannot be seen is not over', async (t) => {
  const { watch, told } = watcher()

  watch(10, [failed])
  watch(60, [], ['deployment'])

  t.same(told, ['opened VERIFY_FAILED'])
})

t.test('an issuer that fails for some minutes is told to nobody', async (t) => {
  const { watch, told } = watcher()
  const issuer = { ...failed, kind: 'issuer', code: 'ISSUER_FAILED' } as const

  watch(8, [issuer])
  watch(60, [])
  t.same(told, [])
  watch(12, [issuer])
  t.same(told, ['opened ISSUER_FAILED'])
})

t.test('of what is muted nothing is told, and it is told when the mute has ended', async (t) => {
  const mute = { id: 'mute-1', matterId: null, kind: null, agent: 'mail-1', target: null, createdAt: 0, createdBy: 'x' }
  let until = start + 2 * hourMs
  const clock = { now: start }
  const { watch, told } = watcher((matter) => isMutedBy([{ ...mute, until }], clock.now)(matter))

  watch(60, [failed])
  t.same(told, [])
  until = 0
  watch(1, [failed])
  t.same(told, ['opened VERIFY_FAILED'])
})

t.test('a flood of one kind keeps no other kind out, and its number is bounded', async (t) => {
  const { watch, matters, told } = watcher()
  const flood = Array.from({ length: 5000 }, (_, at) => ({ ...failed, kind: 'drift', subject: String(at) }) as const)

  watch(2, flood)
  watch(1, [...flood, { ...failed, kind: 'rollback-failed', code: 'ROLLBACK_FAILED' }])

  t.ok(matters().length <= mostOfKind + 2, `${matters().length}`)
  t.ok(told.includes('opened ROLLBACK_FAILED'))
})

t.test('a code is one of ours: whoever writes the error has so many matters, and no more', async (t) => {
  t.equal(codeIn('VERIFY_FAILED: a listener shows another leaf'), 'VERIFY_FAILED')
  t.equal(codeIn('No issuer has signed the certificate. (reason: away)'), 'ISSUER_FAILED')
  t.equal(codeIn('MY_OWN_CODE_17: x'), 'OTHER')
  t.equal(codeIn('constructor'), 'OTHER')
})
