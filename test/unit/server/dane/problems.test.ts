import t from 'tap'
import { isUnmatched, notDone, undoneIn, unmatchedAnd, unmatchedProblem } from '../../../../src/server/dane/problems.ts'

const undone = `${notDone}published: DNS_UPDATE_FAILED`

t.test('a key without a record and why it could not be published are one problem, and both are found in it', (t) => {
  t.ok(isUnmatched(unmatchedAnd(undone)))
  t.equal(undoneIn(unmatchedAnd(undone)), undone)
  t.equal(undoneIn(undone), undone)
  t.end()
})

t.test('a problem of another kind is neither', (t) => {
  for (const other of [null, '', 'ns2 gives no answer', `somebody said ${undone}`]) {
    t.equal(isUnmatched(other), false)
    t.equal(undoneIn(other), null)
  }
  t.equal(undoneIn(unmatchedProblem), null)
  t.end()
})
