import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { startOriginServer } from '../support/origin-server.ts'
import { type Ran, runWaxseal } from '../support/run-waxseal.ts'

t.test('an agent that its operator made is taken over by its id and its key: nothing is registered', async (t) => {
  const { origin, enroll, at } = await openHost(t)
  const { id, key } = origin.addAgent('mail')

  const ran = await enroll(key, '--agent-id', id)

  t.match(ran, { status: 0, stdout: `Enrolled as ${id}`, stderr: '' })
  t.same(registrations(origin), 0)
  t.equal(await readFile(at('credential'), 'utf8'), `${key}\n`)
  t.equal((await stat(at('credential'))).mode & 0o7777, 0o600)
  t.match(parse(await readFile(at('waxseal.yaml'), 'utf8')), { control_plane: { url: origin.url, agent_id: id } })
  t.match(await enroll('', '--agent-id', id), { status: 0 }, 'the credential that is there will do')
  t.match(await enroll(origin.addKey('agent'), '--agent-id', id), { status: 2, stderr: /is there already.*--force/ })
})

t.test('an id or a key that is wrong stores nothing, and is told', async (t) => {
  const { origin, enroll, at } = await openHost(t)
  const { id, key } = origin.addAgent('mail')
  const retired = origin.addAgent('old')
  origin.retire(retired.id)
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['wrong', id, /does not know this key: is the file of --key-file the right one/],
    [key, 'nosuch', /is --agent-id right\?/],
    [retired.key, retired.id, /has retired the agent of this id/],
    [origin.addKey('registrar'), id, /may not speak for this agent/],
  ]

  for (const [secret, agentId, message] of wrong)
    t.match(await enroll(secret, '--agent-id', agentId), { status: 1, stdout: '', stderr: message }, agentId)

  t.match(await enroll('', '--agent-id', id), { status: 2, stderr: /there is no key.*--key-file/ })
  for (const file of ['credential', 'waxseal.yaml']) await t.rejects(stat(at(file)), { code: 'ENOENT' })
})

t.test('where registration answers no credential, the key that it was done with is tried as one', async (t) => {
  const { origin, enroll, at } = await openHost(t)
  const key = origin.addKey('operator')

  const ran = await enroll(key)

  t.match(ran, { status: 0, stdout: /Enrolled as agent-/ })
  t.equal(await readFile(at('credential'), 'utf8'), `${key}\n`)
  await t.rejects(stat(at('credential.pending')), { code: 'ENOENT' })
})

t.test('a registration is done once: a second try goes on with the id that the first was answered', async (t) => {
  const { origin, enroll, at } = await openHost(t)
  const registrar = origin.addKey('registrar')

  const first = await enroll(registrar)
  const second = await enroll(registrar)

  t.match(first, { status: 1, stdout: '', stderr: /the host is registered.*handed out no credential/ })
  const [id = ''] = /agent-\d+-\d+/.exec(first.stderr) ?? []
  t.match(first.stderr, `waxseal enroll --url ${origin.url} --agent-id ${id} --key-file FILE`)
  t.match(second, { status: 1, stderr: id })
  t.equal(registrations(origin), 1)
  t.match(await enroll(origin.addKey('agent')), { status: 0, stdout: `Enrolled as ${id}` })
  t.equal(registrations(origin), 1)
  await t.rejects(stat(at('credential.pending')), { code: 'ENOENT' })
})

t.test('each refusal of a registration says what to do', async (t) => {
  const { origin, enroll } = await openHost(t)
  origin.addAgent('mail')
  const byKey = RegExp(`waxseal enroll --url ${origin.url} --agent-id ID --key-file FILE`)

  const taken = await enroll(origin.addKey('operator'))
  const small = await enroll(origin.addKey('agent'))
  const wrong = await enroll('wrong')
  origin.wantToken()
  const token = await enroll(origin.addKey('operator'))

  t.match(taken, { status: 1, stderr: /already exists.*another name with --name/ })
  t.match(small, { status: 1, stderr: /may not register agents/ })
  t.match(wrong, { status: 1, stderr: /waxseal control-plane token/ })
  t.match(token, { status: 1, stderr: /bootstrap token in one header, so that no agent can register/ })
  for (const ran of [taken, small, wrong, token]) t.match(ran.stderr, byKey)
})

function registrations({ requests }: { readonly requests: readonly { readonly path: string }[] }): number {
  return requests.filter(({ path }) => path === '/api/v1/agents').length
}

/** A host that is not enrolled yet. Its secret is in a file: an API key with `--agent-id`, else a token; empty: no file is named. */
async function openHost(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-enroll-origin-')
  const at = (name: string): string => join(dir, name)
  await makeFolder(at('authority'))
  const origin = await startOriginServer(at('authority'))
  t.teardown(async () => {
    await origin.close()
    await removeTree(dir)
  })
  await writeText(at('given.pem'), origin.caPem)
  const files = ['--config', at('waxseal.yaml'), '--credential-file', at('credential'), '--ca-file', at('given.pem')]
  const enroll = async (secret: string, ...args: readonly string[]): Promise<Ran> => {
    await writeText(at('secret'), `${secret}\n`, 0o600)
    const option = args.includes('--agent-id') ? '--key-file' : '--token-file'
    const given = secret === '' ? [] : [option, at('secret')]
    const ran = await runWaxseal(['enroll', '--url', origin.url, '--name', 'mail', ...files, ...given, ...args])
    if (secret !== '' && secret !== 'wrong') t.notMatch(ran.stdout + ran.stderr, secret, 'no secret is printed')
    return ran
  }
  return { origin, enroll, at }
}
