import { join } from 'node:path'
import t from 'tap'
import { checkWarnings } from '../../../src/deployer/transaction/check-warnings.ts'
import { freePorts, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { runCommand } from '../../../src/host/process/command.ts'
import type { PlannedFile } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'

const timeoutMs = 60_000

t.test(
  'HAProxy exits with 0 over a PEM whose DH parameters it does not take, and its warning is told',
  { skip: unlessInstalled('haproxy', 'openssl') },
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-warnings-')
    t.teardown(() => removeTree(dir))
    const { certificatePem, chainPem, keyPem } = await (await makeAuthority()).issue({ names: ['www.example.net'] })
    const weak = await runCommand(['openssl', 'dhparam', '512'], { timeoutMs })
    const [pem, config] = [join(dir, 'site.pem'), join(dir, 'haproxy.cfg')]
    const [port] = await freePorts(1)
    await writeText(pem, certificatePem + chainPem + keyPem + weak.stdout, 0o600)
    await writeText(
      config,
      `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend https
  bind 127.0.0.1:${port} ssl crt ${pem}
`,
    )

    const check = await runCommand(['haproxy', '-c', '-f', config], { timeoutMs })

    t.equal(check.exitCode, 0)
    t.match(checkWarnings([check], { files: [{ path: pem } as PlannedFile] }), {
      warnings: [/^haproxy takes the new files and warns/],
      printed: [new RegExp(`DH parameter specified in '${pem}'`)],
    })
    t.match(checkWarnings([check], { files: [{ path: `${pem}.old` } as PlannedFile] }), { warnings: [], printed: [] })
  },
)
