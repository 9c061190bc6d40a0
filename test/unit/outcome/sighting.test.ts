import t from 'tap'
import { isSameFailure } from '../../../src/outcome/sighting.ts'

function isSame(one: string, other: string, phase = 'greeting'): boolean {
  return isSameFailure({ phase: 'greeting', reason: one }, { phase, reason: other })
}

t.test('the same phase and reason are the same failure; times, ids and long numbers aside', async (t) => {
  t.ok(isSame('the server said: 421 4.3.2 Too busy', 'the server said: 421 4.3.2 Too busy'))
  t.ok(isSame('the server said: 421 up since 12:01:59', 'the server said: 421 up since 9:03:01'))
  t.ok(isSame('the server said: 451 4.7.1 id 3f9a1c02', 'the server said: 451 4.7.1 id 77be0d4f'))
  t.ok(isSame('read ECONNRESET', 'the server closed the connection'))
})

t.test('another phase, another reply, or another error is another failure', async (t) => {
  t.notOk(isSame('the server said: 421 4.3.2 Too busy', 'the server said: 454 4.7.0 TLS not available'))
  t.notOk(isSame('the time limit passed', 'the time limit passed', 'handshake'))
  t.notOk(isSame('the time limit passed', 'read ECONNRESET'))
  t.notOk(isSame('connect ECONNREFUSED 127.0.0.1:25', 'connect EHOSTUNREACH 127.0.0.1:25'))
})

t.test('what did not fail is no failure', async (t) => {
  t.notOk(isSameFailure(null, null))
  t.notOk(isSameFailure(null, { phase: 'connect', reason: 'x' }))
})
