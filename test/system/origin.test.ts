import { generateKeyPairSync } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { writeText } from '../../src/host/file/plain-files.ts'
import { createCertificateRequest } from '../../src/material/certificate-request.ts'
import { parseCertificates } from '../../src/material/parse-certificate.ts'
import { openAuthority } from '../../src/server/authority/authority.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { filesOf, leavesOf } from '../support/deployment.ts'
import { openMovedHost } from '../support/moved-host.ts'
import { type LogLine, startWaxseal } from '../support/process.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'

t.setTimeout(600_000)
const skip = unlessInstalled('postfix', 'dovecot')

t.test(
  'a renewal by the origin’s server, with agent.env alone, is live on a real Postfix and Dovecot',
  { skip },
  async (t) => {
    const host = await openMovedHost(t)
    const targets = await Promise.all(host.daemons.map((daemon) => host.addTarget(daemon)))
    host.origin.request(host.agent.id, { commonName: 'mail.test', sans: ['localhost'] }, targets)

    const agent = host.startAgent()
    await reported(agent)
    await reported(agent)

    const deployments = host.origin.jobs.filter(({ type }) => type === 'Deployment')
    t.match(
      deployments.map(({ said }) => said),
      [
        [{ status: 'Running' }, { status: 'Completed' }],
        [{ status: 'Running' }, { status: 'Completed' }],
      ],
    )
    for (const daemon of host.daemons) {
      const [leaf, ...others] = await leavesOf(daemon)
      t.not(leaf, host.oldPair.sha256)
      t.same(new Set(others), new Set([leaf]))
      t.match(await filesOf(daemon), [{ mode: 0o644 }, { mode: 0o600 }])
    }
    const paths = host.origin.requests.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)
    const csr = paths.indexOf('POST csr')
    t.equal(
      paths.slice(csr + 1).find((path) => path === 'GET work'),
      'GET work',
      'work is asked for right after the CSR, in an hour again',
    )
    t.equal(host.origin.requests.filter(({ path }) => path.endsWith('/verify')).length, 1, 'one refusal is enough')
    const said = agent.lines.filter(({ msg }) => String(msg).includes('takes no verification reports'))
    t.equal(said.length, 1)
    const status = jsonOf(await runWaxseal(['status', '--config', host.configFile, '--json']))
    t.match(status, { outbox: 0, deadLetters: [] })
    t.match(JSON.stringify(status['warnings']), 'takes no verification reports')
    const { stdout } = await runWaxseal(['check', '--config', host.configFile])
    t.match(stdout, /warning +reports: .*takes no verification reports.* 2 are kept.*Insufficient permissions/)
    agent.kill('SIGTERM')
    t.equal(await agent.exited, 0)
  },
)

t.test('a deployment that waits is fetched before the server’s tick loses it', { skip }, async (t) => {
  const host = await openMovedHost(t)
  const [postfix] = host.daemons
  if (postfix === undefined) return
  const target = await host.addTarget(postfix)
  const agent = host.startAgent()
  await agent.waitFor(({ msg }) => msg === 'agent starts')
  host.origin.request(host.agent.id, { commonName: 'mail.test', sans: [] }, [target])
  agent.killAll()
  await agent.exited

  const again = host.startAgent()
  await again.waitFor(({ msg, job }) => msg === 'job begins' && job === host.origin.jobs.at(-1)?.id)
  host.origin.tick()
  await reported(again)

  t.match(host.origin.jobs.at(-1), { type: 'Deployment', status: 'Completed' })
})

t.test(
  'a target whose key nobody tells is refused: nothing is written, least of all a file of that name',
  { skip },
  async (t) => {
    const host = await openMovedHost(t)
    const [postfix] = host.daemons
    if (postfix === undefined) return
    const target = await host.addTarget(postfix, { cert_path: join(host.dir, 'elsewhere.pem') })
    const before = await filesOf(postfix)
    host.origin.request(host.agent.id, { commonName: 'mail.test', sans: [] }, [target])

    const agent = host.startAgent()
    await reported(agent)

    const said = host.origin.jobs.at(-1)?.said.at(-1)
    t.match(said, { status: 'Failed', error: /^TARGET_REDACTED: .*key_path.*postfix\.yaml.*elsewhere\.pem/ })
    t.same(await filesOf(postfix), before)
    for (const folder of [process.cwd(), host.dir, join(host.dir, 'postfix')])
      t.notOk((await readdir(folder)).includes('********'))
  },
)

t.test(
  'a certificate for a key of the other agent is deployed from its KEY_DIR, which stays as it is',
  { skip },
  async (t) => {
    const host = await openMovedHost(t)
    const [postfix] = host.daemons
    if (postfix === undefined) return
    const target = await host.addTarget(postfix)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const csr = await createCertificateRequest({ commonName: 'mail.test', sans: [], keyPem })
    const authority = await openAuthority(join(host.dir, 'authority'))
    const pem = await authority.sign(csr, ['mail.test'], 90)
    const { certificate } = host.origin.deploy(host.agent.id, pem, target)
    const keyFile = join(host.dir, 'keys', `${certificate}.key`)
    await writeText(keyFile, privateKey.export({ type: 'sec1', format: 'pem' }).toString(), 0o600)
    const { mtimeMs, ino, mode } = await stat(keyFile)

    const agent = host.startAgent()
    await reported(agent)

    t.match(host.origin.jobs.at(-1)?.said.at(-1), { status: 'Completed' })
    t.same(new Set(await leavesOf(postfix)), new Set([parseCertificates(pem)[0]?.sha256]))
    t.same(await readdir(join(host.dir, 'keys')), [`${certificate}.key`])
    t.match(await stat(keyFile), { mtimeMs, ino, mode })
  },
)

t.test(
  'SIGHUP reads the host’s own targets again; a mistake in one is a warning of the status',
  { skip },
  async (t) => {
    const host = await openMovedHost(t)
    const agent = host.startAgent()
    await agent.waitFor(({ msg }) => msg === 'agent starts')
    await writeText(join(host.dir, 'targets', 'mail.yaml'), 'connector: postfix\nkey_pth: /x\n')

    agent.kill('SIGHUP')
    await agent.waitFor(({ msg }) => String(msg).startsWith('configuration read again'))

    for (let warnings = ''; !/mail\.yaml: .*key_pth: is key_path meant\?/.test(warnings); ) {
      const status = jsonOf(await runWaxseal(['status', '--config', host.configFile, '--json']))
      warnings = JSON.stringify(status['warnings'])
    }
  },
)

t.test('a retired agent retires by its heartbeat, though the server answers its polls', { skip }, async (t) => {
  const host = await openMovedHost(t)
  const agent = host.startAgent()
  await agent.waitFor(({ msg }) => msg === 'agent starts')

  host.origin.retire(host.agent.id)

  t.equal(await agent.exited, 0)
  t.match(
    agent.lines.find(({ msg }) => msg === 'agent ends'),
    { retired: true },
  )
})

t.test('an id that the server does not know is told by the log, the status and check', { skip }, async (t) => {
  // With the usual interval a call that is answered 500 is tried again only after a minute, and three are needed.
  const host = await openMovedHost(t, { poll_interval: '500ms' })
  const env = { ...host.agentEnv, CERTCTL_AGENT_ID: 'nosuch', CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: 'true' }
  const agent = host.startAgent(env)

  const failure = await agent.waitFor(({ details }) => isHinted(details))
  t.match(failure, { code: 'CONTROL_PLANE_UNREACHABLE', details: { status: 500 } })
  await agent.waitFor(({ msg, details }) => msg === 'poll failed' && isHinted(details))
  const status = jsonOf(await runWaxseal(['status', '--config', host.configFile, '--json']))

  t.match(status, { controlPlane: { error: /is control_plane\.agent_id .*right\?/ } })
  t.ok(agent.lines.some(({ msg }) => String(msg).includes('verified all the same')))
  const check = startWaxseal(['check', '--config', host.configFile], env)
  await check.waitFor(({ text }) => /control plane.*is control_plane\.agent_id .*right\?/.test(String(text)))
})

function isHinted(details: unknown): boolean {
  return /agent_id/.test(String((details as { readonly hint?: string } | undefined)?.hint))
}

/** Resolves when the final result of a deployment has been acknowledged. */
async function reported(agent: { waitFor(matches: (line: LogLine) => boolean): Promise<LogLine> }): Promise<void> {
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
}
