import t from 'tap'
import { checkWarnings } from '../../../../src/deployer/transaction/check-warnings.ts'
import type { PlannedFile } from '../../../../src/plan/plan.ts'

const pem = '/etc/haproxy/certs/site.pem'
const files = [{ path: pem } as PlannedFile]
const line = `[WARNING]  (3664) : config : parsing [h.cfg:4] : 'bind :443' in section 'frontend' : unable to load the DH parameter specified in '${pem}', DH ciphers won't be available.`

t.test('a warning of a check that succeeds is told where it is about a planned file, once', async (t) => {
  const { warnings, printed } = checkWarnings([facts(`[NOTICE] x\n${line}\n${line}\nWarnings were found.`)], [], {
    files,
  })

  t.match(printed, [/DH parameter/])
  t.equal(printed.length, 1)
  t.match(warnings, [/^haproxy takes the new files and warns/])
  t.notMatch(warnings.join(''), /DH parameter/, 'what it printed stays on the host')
})

t.test('other lines, other files, and a check that fails say nothing here', async (t) => {
  t.same(
    checkWarnings([facts(`[NOTICE] ${pem}\n[WARNING] missing timeouts\n[WARNING] ${pem}.old is odd`)], [], { files }),
    { warnings: [], printed: [] },
  )
  t.same(checkWarnings([{ ...facts(line), exitCode: 1 }], [], { files }), { warnings: [], printed: [] })
  t.equal(
    checkWarnings([facts(Array.from({ length: 50 }, (_, n) => `warning ${n}: ${pem}`).join('\n'))], [], { files })
      .printed.length,
    10,
  )
})

t.test('a warning that the check did not have before is told, whatever it names', async (t) => {
  const ocsp = (pid: number): string =>
    `[WARNING]  (${pid}) : config : Loading: OCSP single response: Certificate ID does not match certificate and issuer.`

  t.match(checkWarnings([facts(ocsp(17))], [facts('')], { files }).printed, [/OCSP/])
  t.same(checkWarnings([facts(ocsp(17))], [facts(ocsp(4711))], { files }).printed, [], 'the same as before')
  t.same(checkWarnings([facts(ocsp(17))], [{ ...facts(''), exitCode: 1 }], { files }).printed, [], 'nothing is known')
  t.same(checkWarnings([facts(ocsp(17))], [], { files }).printed, [], 'it was not asked')
})

function facts(output: string) {
  const command = ['haproxy', '-c'] as const
  return { command, exitCode: 0, signal: null, timedOut: false, output, ms: 1 }
}
