import t from 'tap'
import { judge, mayHaveChanged } from '../../../../src/server/rollout/judge.ts'

const nothing = { error: null, outcome: null, verification: null, cancelRequestedAt: null } as const
const seen = { verified: true, expected_fingerprint: 'AB', actual_fingerprint: 'ab' }

t.test('a job is proven by its outcome, or by a verification where an agent has no outcome', async (t) => {
  const done = { ...nothing, status: 'Completed' } as const

  t.match(judge({ ...done, outcome: { outcome: 'deployed', proven: true } }), { word: 'proven' })
  t.match(judge({ ...done, verification: seen }), { word: 'proven' })
  t.match(judge(done), { word: 'unproven' }, 'it may still come')
  t.match(judge({ ...done, outcome: {} }), { word: 'unproven' })
})

t.test('what no listener showed has failed, whatever else is said', async (t) => {
  const done = { ...nothing, status: 'Completed' } as const
  const proven = { outcome: 'deployed', proven: true }

  t.match(judge({ ...done, outcome: { outcome: 'deployed', proven: false } }), { word: 'failed', error: /^unproven: / })
  t.match(judge({ ...done, outcome: proven, verification: { ...seen, verified: false, error: 'refused' } }), {
    word: 'failed',
    error: 'unproven: refused',
  })
  t.match(judge({ ...done, outcome: proven, verification: { ...seen, actual_fingerprint: 'cd' } }), { word: 'failed' })
  t.match(judge({ ...done, outcome: { proven: 'yes' }, verification: { verified: 'yes' } }), { word: 'unproven' })
})

t.test('a job that its agent cancelled unasked has failed, and one that was called back has not', async (t) => {
  t.match(judge({ ...nothing, status: 'Cancelled' }), { word: 'failed', error: 'its agent cancelled it' })
  t.match(judge({ ...nothing, status: 'Cancelled', cancelRequestedAt: 1 }), { word: 'recalled' })
  t.match(judge({ ...nothing, status: 'Failed', error: 'no' }), { word: 'failed', error: 'no' })
  for (const status of ['Pending', 'Running', 'AwaitingCSR'] as const)
    t.match(judge({ ...nothing, status }), { word: 'open' })
})

t.test('a target may have changed where a job was taken and nothing says that all is as before', async (t) => {
  const changed = (status: 'Completed' | 'Failed' | 'Running' | 'Cancelled', attempt: number, word?: string) =>
    mayHaveChanged({ status, attempt, outcome: word === undefined ? null : { outcome: word } })

  for (const [status, word] of [
    ['Completed', 'deployed'],
    ['Completed', undefined],
    ['Failed', 'rollback-failed'],
    ['Failed', undefined],
    ['Running', undefined],
  ] as const)
    t.ok(changed(status, 1, word), `${status} ${word}`)
  for (const [status, word] of [
    ['Completed', 'unchanged'],
    ['Failed', 'refused'],
    ['Failed', 'rolled-back'],
    ['Cancelled', undefined],
  ] as const)
    t.notOk(changed(status, 1, word), `${status} ${word}`)
  t.notOk(changed('Failed', 0))
})
