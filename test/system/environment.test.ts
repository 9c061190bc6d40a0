import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { builtProgram } from '../support/built-program.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startHttpsServer } from '../support/https-server.ts'

const [ours, theirs] = [await makeAuthority(), await makeAuthority()]

interface Finding {
  readonly what: string
  readonly verdict: string
  readonly detail: string
}

const offThrough = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }

t.test('the control plane is believed by its certificate alone, whatever the environment says', async (t) => {
  const { check, requests, caFile, theirCaFile } = await openHost(t, theirs, '127.0.0.1')
  const environments: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    nothing: {},
    'verification switched off': offThrough,
    'roots of its own': { NODE_EXTRA_CA_CERTS: theirCaFile },
    "another file of the system's roots": { SSL_CERT_FILE: theirCaFile },
    "OpenSSL's own roots": { SSL_CERT_FILE: theirCaFile, NODE_OPTIONS: '--use-openssl-ca' },
    'a proxy': { ...offThrough, NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://127.0.0.1:1' },
  }

  for (const ca of [caFile, null])
    for (const [what, env] of Object.entries(environments)) {
      const { verdict } = find(await check(ca, env), 'control plane')
      t.equal(verdict, 'failed', `${what}, ${ca === null ? 'without' : 'with'} a CA file`)
    }

  t.same(requests, [], 'nothing was sent to it')
  t.equal(find(await check(theirCaFile, {}), 'control plane').verdict, 'ok', 'and with its CA it is')
})

t.test('a certificate of the right CA for another name is refused, too', async (t) => {
  const { check, requests, caFile } = await openHost(t, ours, '192.0.2.1')

  t.equal(find(await check(caFile, offThrough), 'control plane').verdict, 'failed')
  t.same(requests, [])
})

t.test('check names what had its effect before it could be ignored', async (t) => {
  const { check, caFile } = await openHost(t, ours, '127.0.0.1')

  const { verdict, detail } = find(await check(caFile, { LD_LIBRARY_PATH: '/nowhere' }), 'environment')

  t.equal(verdict, 'warning')
  t.match(detail, /LD_LIBRARY_PATH/)
})

t.test('the units unset what a program cannot undo', async (t) => {
  const names = ['NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', 'OPENSSL_CONF', 'SSL_CERT_FILE', 'LD_PRELOAD']
  for (const unit of ['waxseal.service', 'waxseal-control-plane.service']) {
    const lines = (await readFile(new URL(`../../systemd/${unit}`, import.meta.url), 'utf8')).split('\n')
    const unset = lines.flatMap((line) => (line.startsWith('UnsetEnvironment=') ? line.slice(17).split(' ') : []))
    t.same(
      names.filter((name) => !unset.includes(name)),
      [],
      unit,
    )
  }
})

async function openHost(t: Test, authority: typeof ours, address: string) {
  const server = await startHttpsServer(await authority.issue({ names: [], ips: [address] }))
  t.teardown(() => server.close())
  const dir = t.testdir({
    credential: 'wax-credential',
    'ours.pem': ours.certificatePem,
    'theirs.pem': theirs.certificatePem,
  })
  const credentialFile = join(dir, 'credential')
  await chmod(credentialFile, 0o600)
  const check = async (caFile: string | null, env: Readonly<Record<string, string>>): Promise<readonly Finding[]> => {
    const config = join(dir, 'waxseal.yaml')
    const ca = caFile === null ? {} : { ca_file: caFile }
    const plane = { url: server.url, agent_id: 'agent-1', credential_file: credentialFile, ...ca }
    await writeFile(config, JSON.stringify({ control_plane: plane, state_dir: join(dir, 'state') }))
    const args = [builtProgram, 'check', '--json', '--config', config]
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    if (stdout === '') throw new Error(stderr)
    return (JSON.parse(stdout) as { readonly findings: readonly Finding[] }).findings
  }
  return { check, requests: server.requests, caFile: join(dir, 'ours.pem'), theirCaFile: join(dir, 'theirs.pem') }
}

function find(findings: readonly Finding[], what: string): Finding {
  const found = findings.find((finding) => finding.what === what)
  if (found === undefined) throw new Error(`no finding about ${what}`)
  return found
}
