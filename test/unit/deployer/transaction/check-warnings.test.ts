import t from 'tap'
import { checkWarnings } from '../../../../src/deployer/transaction/check-warnings.ts'
import type { PlannedFile } from '../../../../src/plan/plan.ts'

const pem = '/etc/haproxy/certs/site.pem'
const files = [{ path: pem } as PlannedFile]
const line = `[WARNING]  (3664) : config : parsing [h.cfg:4] : 'bind :443' in section 'frontend' : unable to load the DH parameter specified in '${pem}', DH ciphers won't be available.`

t.test('a warning of a check that succeeds is told where it is about a planned file, once', async (t) => {
  const { warnings, printed } = checkWarnings([facts(`[NOTICE] x\n${line}\n${line}\nWarnings were found.`)], { files })

  t.match(printed, [/DH parameter/])
  t.equal(printed.length, 1)
  t.match(warnings, [/^haproxy takes the new files and warns/])
  t.notMatch(warnings.join(''), /DH parameter/, 'what it printed stays on the host')
})

t.test('other lines, other files, and a check that fails say nothing here', async (t) => {
  t.same(
    checkWarnings([facts(`[NOTICE] ${pem}\n[WARNING] missing timeouts\n[WARNING] ${pem}.old is odd`)], { files }),
    { warnings: [], printed: [] },
  )
  t.same(checkWarnings([{ ...facts(line), exitCode: 1 }], { files }), { warnings: [], printed: [] })
  t.equal(
    checkWarnings([facts(Array.from({ length: 50 }, (_, n) => `warning ${n}: ${pem}`).join('\n'))], { files }).printed
      .length,
    10,
  )
})

function facts(output: string) {
  const command = ['haproxy', '-c'] as const
  return { command, exitCode: 0, signal: null, timedOut: false, output, ms: 1 }
}
