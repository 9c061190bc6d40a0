import t from 'tap'
import { isNextDue, signingAt } from '../../../../src/server/authority/which-root.ts'

const first = { notBefore: 0, notAfter: 100 }

t.test('the next CA is made at the half of a life', async (t) => {
  t.equal(isNextDue(first, 49), false)
  t.equal(isNextDue(first, 50), true)
})

t.test('it signs when half of the time is gone that agents have to get it', async (t) => {
  const next = { notBefore: 50, notAfter: 150 }

  t.equal(signingAt([first, next], 74), first)
  t.equal(signingAt([first, next], 75), next)
})

t.test('one that was made late is handed out before it signs', async (t) => {
  const late = { notBefore: 90, notAfter: 190 }

  t.equal(signingAt([first, late], 94), first)
  t.equal(signingAt([first, late], 95), late)
})

t.test('where there is one CA it signs, and where there is none, none does', async (t) => {
  t.equal(signingAt([first], 1000), first)
  t.equal(signingAt([], 0), undefined)
})
