import { X509Certificate } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { clientPairIn } from '../../src/control-plane/client-pair.ts'
import { makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startProxy } from '../support/misbehaving-proxy.ts'
import { jsonOf, type Ran, runWaxseal, serveControlPlane } from '../support/run-waxseal.ts'

const site = await makeTemporaryFolder('waxseal-cli-enroll-')
const controlPlane = await serveControlPlane(site)
t.teardown(async () => {
  await controlPlane.close()
  await removeTree(site)
})

t.test(
  'enroll stores a credential of mode 0600 and a configuration, and the control plane lists the agent',
  async (t) => {
    const { configFile, credentialFile, enroll } = await openHost(t)

    const ran = await enroll(['--name', 'first'])

    t.match(ran, { status: 0, stdout: /Enrolled as agent-\w+\..*heartbeat with it was answered/, stderr: '' })
    t.match(ran.stdout, 'Next: systemctl enable --now waxseal. A service that runs already needs nothing')
    t.equal((await stat(credentialFile)).mode & 0o7777, 0o600)
    const [agent] = await agentsNamed('first')
    t.match(agent, { status: 'active', last_heartbeat_at: String })
    t.same(parse(await readFile(configFile, 'utf8')), {
      control_plane: {
        url: controlPlane.url,
        ca_file: join(dirname(credentialFile), 'ca.pem'),
        agent_id: agent?.['id'],
        credential_file: credentialFile,
      },
    })
  },
)

t.test('enroll takes the file that waxseal control-plane token was written into', async (t) => {
  const { dir, credentialFile } = await openHost(t)
  const file = join(dir, 'token')
  await writeText(file, `token=${await controlPlane.token()}\n`, 0o600)
  const at = ['--url', controlPlane.url, '--ca-file', controlPlane.caFile, '--name', 'by-line']

  const files = ['--credential-file', credentialFile, '--config', join(dir, 'waxseal.yaml')]
  t.match(await runWaxseal(['enroll', ...at, ...files, '--token-file', file]), {
    status: 0,
    stdout: /Enrolled as agent-/,
  })
})

t.test('enroll keeps the CA beside the credential, without anything else that its file holds', async (t) => {
  const { dir, enroll } = await openHost(t)
  const ca = await readFile(controlPlane.caFile, 'utf8')
  await writeText(join(dir, 'given.pem'), `-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n${ca}`)

  t.match(await enroll(['--name', 'keeps-the-ca', '--ca-file', join(dir, 'given.pem')]), { status: 0 })

  t.equal(await readFile(join(dir, 'ca.pem'), 'utf8'), ca)
})

t.test('enroll leaves a configuration that is there alone, and prints what belongs into it', async (t) => {
  const { configFile, credentialFile, enroll } = await openHost(t)
  await writeText(configFile, 'poll_interval: 10s\n')

  const ran = await enroll(['--name', 'with-configuration'])

  t.match(ran, { status: 0, stdout: /is there already\. Put this into it/ })
  t.match(ran.stdout, `credential_file: ${credentialFile}`)
  t.equal(await readFile(configFile, 'utf8'), 'poll_interval: 10s\n')
})

t.test('enroll without --name registers under the agent_name of the configuration', async (t) => {
  const { configFile, enroll } = await openHost(t)
  await writeText(configFile, 'control_plane: { agent_name: mx-by-configuration }\n')

  const ran = await enroll()

  t.match(ran, { status: 0, stderr: '' })
  t.match(await agentsNamed('mx-by-configuration'), [{ status: 'active' }])
})

t.test('enroll --json prints one document, with what belongs into a configuration that it left alone', async (t) => {
  const { configFile, credentialFile, enroll } = await openHost(t)
  await writeText(configFile, 'poll_interval: 10s\n')

  const ran = await enroll(['--name', 'json', '--json'])

  const [agent] = await agentsNamed('json')
  t.match(jsonOf(ran), {
    agentId: agent?.['id'],
    credentialFile,
    config: configFile,
    configWritten: false,
    control_plane: { url: controlPlane.url, agent_id: agent?.['id'], credential_file: credentialFile },
  })
})

t.test('enroll --client-certificate stores a key with its certificate, and sends no secret from then on', async (t) => {
  const { credentialFile, enroll } = await openHost(t)

  t.match(await enroll(['--name', 'by-certificate', '--client-certificate']), {
    status: 0,
    stdout: /Enrolled as agent-\w+\..*heartbeat with it was answered/,
    stderr: '',
  })

  t.equal((await stat(credentialFile)).mode & 0o7777, 0o600)
  const credential = (await readFile(credentialFile, 'utf8')).trim()
  const [agent] = await agentsNamed('by-certificate')
  t.match(new X509Certificate(clientPairIn(credential)?.certificatePem ?? '').subject, `CN=${agent?.['id']}`)
  t.match(agent, { status: 'active', last_heartbeat_at: String })
  t.match(await enroll(['--agent-id', 'agent-1', '--client-certificate']), {
    status: 2,
    stderr: /--client-certificate/,
  })
})

t.test('enroll is refused on a host that is enrolled, spends no token, and points to --force', async (t) => {
  const { credentialFile, enroll } = await openHost(t)
  await enroll(['--name', 'twice'])
  const before = await readFile(credentialFile, 'utf8')
  const token = await controlPlane.token()

  const second = await enroll(['--name', 'twice again'], token)

  t.match(second, { status: 2, stdout: '', stderr: /is there already.*--force/ })
  t.equal(await readFile(credentialFile, 'utf8'), before)
  t.match(await enroll(['--name', 'twice again', '--force'], token), { status: 0 })
  t.not(await readFile(credentialFile, 'utf8'), before)
})

t.test('enroll with a token that is wrong or used up says how to get another, and stores nothing', async (t) => {
  const { credentialFile, enroll } = await openHost(t)
  const used = await controlPlane.token()
  await enroll(['--name', 'uses the token'], used)

  for (const token of ['wxt_wrong', used]) {
    const ran = await enroll(['--credential-file', `${credentialFile}-2`], token)
    t.match(ran, { status: 1, stdout: '', stderr: /CONTROL_PLANE_REFUSED.*waxseal control-plane token/ })
    await t.rejects(stat(`${credentialFile}-2`), { code: 'ENOENT' })
  }
})

t.test('enroll whose answer was lost gets the same identity when it is run again, with --force, too', async (t) => {
  const { dir, enroll } = await openHost(t)
  const proxy = await startProxy({ target: controlPlane.url }, controlPlane.dataDir)
  t.teardown(() => proxy.close())
  const through = ['--url', proxy.url, '--name', 'lost']
  const token = await controlPlane.token()
  proxy.misbehave(({ path }) => (path === '/api/v1/agents' ? 'lose-answer' : null))

  const lost = await enroll(through, token)
  proxy.misbehave(() => null)
  const elsewhere = await enroll(through)
  const second = await enroll([...through, '--force'], token)

  t.match(lost, { status: 1, stdout: '', stderr: /CONTROL_PLANE_UNREACHABLE.*run the same again, with the same token/ })
  t.match(elsewhere, { status: 1, stderr: /registered.*run it again with the token of that try/ })
  const agents = await agentsNamed('lost')
  t.match(agents, [{ last_heartbeat_at: String }])
  t.equal(agents.length, 1)
  t.match(second, { status: 0, stdout: `Enrolled as ${String(agents[0]?.['id'])}.`, stderr: '' })
  t.notOk((await readdir(dir)).includes('credential.pending'))
})

t.test('enroll under a name that is taken points to --name', async (t) => {
  const { enroll } = await openHost(t)
  await enroll(['--name', 'taken'])

  const ran = await enroll(['--name', 'taken', '--force'])

  t.match(ran, { status: 1, stderr: /an agent of this name is registered.*--name/ })
})

t.test('enroll refuses what cannot be meant before it spends the token, and names the option', async (t) => {
  const { dir, enroll } = await openHost(t)
  const token = await controlPlane.token()
  await writeText(join(dir, 'no-ca'), 'not a certificate\n')
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--url', controlPlane.url.replace('https', 'http')], /--url.*not an https URL.*https:\/\/HOST:PORT/],
    [['--url', 'https://'], /--url.*not an https URL/],
    [['--ca-file', join(dir, 'nowhere')], /--ca-file.*nowhere.*cannot be read/],
    [['--ca-file', join(dir, 'no-ca')], /--ca-file.*no-ca.*no certificate/],
    [['--token-file', join(dir, 'nowhere')], /--token-file.*there is no token/],
    [['--token', ''], /--token.*not a token/],
    [['--token', 'two words'], /--token.*not a token/],
  ]

  for (const [args, message] of wrong)
    t.match(await enroll(args, token), { status: 2, stdout: '', stderr: message }, args.join(' '))

  t.match(await enroll(['--name', 'spends it at last'], token), { status: 0 })
})

t.test('enroll that cannot store the credential leaves the token unspent, and names the option', async (t) => {
  const { enroll } = await openHost(t)
  const token = await controlPlane.token()

  // Nobody, not even root, makes a folder there.
  const ran = await enroll(['--credential-file', '/sys/waxseal/credential'], token)

  t.match(ran, { status: 2, stdout: '', stderr: /--credential-file.*\/sys\/waxseal.*Run it as root/ })
  t.match(await enroll(['--name', 'unspent'], token), { status: 0 })
})

t.test('enroll that does not trust the control plane points to --ca-file', async (t) => {
  const { dir, enroll } = await openHost(t)
  await writeText(join(dir, 'other-ca.pem'), (await makeAuthority('Another CA')).certificatePem)

  const ran = await enroll(['--ca-file', join(dir, 'other-ca.pem')])

  t.match(ran, { status: 1, stdout: '', stderr: /CONTROL_PLANE_UNREACHABLE.*--ca-file/ })
})

t.test('enroll where nothing listens says so', async (t) => {
  const { enroll } = await openHost(t)

  const ran = await enroll(['--url', 'https://127.0.0.1:1'])

  t.match(ran, { status: 1, stderr: /CONTROL_PLANE_UNREACHABLE.*ECONNREFUSED 127\.0\.0\.1:1/ })
})

async function agentsNamed(name: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const agents = jsonOf<readonly Readonly<Record<string, unknown>>[]>(await controlPlane.operate('agents', '--json'))
  return agents.filter((agent) => agent['name'] === name)
}

/** A host that is not enrolled yet; later arguments win. Whatever is said holds neither token nor credential. */
async function openHost(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-cli-enroll-host-')
  t.teardown(() => removeTree(dir))
  const [configFile, credentialFile, tokenFile] = [
    join(dir, 'waxseal.yaml'),
    join(dir, 'credential'),
    join(dir, 'token'),
  ]
  const files = ['--config', configFile, '--credential-file', credentialFile, '--ca-file', controlPlane.caFile]
  const enroll = async (args: readonly string[] = [], token?: string): Promise<Ran> => {
    const secret = token ?? (await controlPlane.token())
    await writeText(tokenFile, `${secret}\n`, 0o600)
    const ran = await runWaxseal(['enroll', '--url', controlPlane.url, ...files, '--token-file', tokenFile, ...args])
    const credential = await readFile(credentialFile, 'utf8').catch(() => '')
    for (const hidden of [secret, credential.trim()])
      if (hidden !== '') t.notMatch(ran.stdout + ran.stderr, hidden, 'no secret is printed')
    return ran
  }
  return { dir, configFile, credentialFile, enroll }
}
