import t from 'tap'
import { outcomeWithout } from '../../../src/documents/without-output.ts'
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

function ran() {
  return { command: ['false'], exitCode: 1, signal: null, timedOut: false, output: token, ms: 1 } as const
}
