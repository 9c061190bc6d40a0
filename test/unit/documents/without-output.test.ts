import t from 'tap'
import type { Report } from '../../../src/documents/report.ts'
import { outcomeWithout, withoutOutput } from '../../../src/documents/without-output.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'

const token = 'hunter2-token'

t.test('what a command printed is in no report, and how it ended is', async (t) => {
  const outcome: Outcome = {
    outcome: 'refused',
    host: 'untouched',
    stage: 'preflight',
    code: 'PREFLIGHT_FAILED',
    message: 'The check failed.',
    proven: false,
    warnings: [],
    printed: [token],
    steps: [{ name: 'preflight', start: '2026-11-26T00:00:00Z', ms: 2, commands: [ran()] }],
    files: [],
    probes: [],
    certificate: null,
  }

  const told = outcomeWithout(outcome)

  t.notMatch(JSON.stringify(told), token)
  t.match(told, { steps: [{ name: 'preflight', commands: [{ command: ['false'], exitCode: 1 }] }] })
})

t.test('of what a server said the code of the reply leaves the host, and nothing else', async (t) => {
  const told = (line: string): Report =>
    withoutOutput({
      kind: 'verification',
      jobId: 'job-1',
      targetId: 't',
      expected: '',
      actual: '',
      verified: false,
      error: `greeting: the server said: ${line}`,
    })
  const codes = [
    [`421 4.3.2 ${token}`, '421 '],
    [`* BYE ${token}`, '* BYE '],
    [`a1 NO ${token}`, 'a1 NO '],
    [`-ERR ${token}`, '-ERR '],
    [`NO "${token}"`, 'NO '],
    [token, ''],
    [`SSH-2.0-${token}`, ''],
    [`4217 ${token}`, ''],
    [`NOTE ${token}`, ''],
  ] as const

  for (const [line, code] of codes) {
    const error = `greeting: the server said: ${code}(the rest stays on the host)`
    t.match(told(line), { error }, line)
    t.same(withoutOutput(told(line)), told(line), 'a second time, nothing is other')
  }
})

t.test('no part of an outcome has what a server said', async (t) => {
  const error = `greeting: the server said: 554 ${token}`
  const outcome = {
    outcome: 'rolled-back',
    host: 'restored',
    stage: 'verify',
    code: 'VERIFY_FAILED',
    message: `The new certificate is not served (probes: smtp 127.0.0.1:1: ${error}, tls 127.0.0.1:2: ${token}).`,
    proven: false,
    warnings: [`smtp 127.0.0.1:1 proves nothing, for it failed in the same way before: ${error}.`],
    steps: [],
    files: [],
    probes: [{ address: '127.0.0.1:1', protocol: 'smtp', ok: false, seen: null, error }],
    certificate: null,
  } as unknown as Outcome

  const told = withoutOutput({ kind: 'status', jobId: 'j', status: 'Failed', error: outcome.message, outcome })

  t.notMatch(JSON.stringify(told), token)
  t.match(told, { outcome: { probes: [{ error: 'greeting: the server said: 554 (the rest stays on the host)' }] } })
})

function ran() {
  return { command: ['false'], exitCode: 1, signal: null, timedOut: false, output: token, ms: 1 } as const
}
