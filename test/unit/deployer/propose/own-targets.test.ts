import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { deploy } from '../../../../src/deployer/deploy.ts'
import { deployAgain } from '../../../../src/deployer/deploy-again.ts'
import { openEngine } from '../../../../src/deployer/open-engine.ts'
import type { DeployRequest } from '../../../../src/deployer/propose/deploy-request.ts'
import { examineOwnTargets } from '../../../../src/examine/examine-own-targets.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../../src/outcome/outcome.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['www.example.net'] })
const older = await authority.issue({ names: ['www.example.net'] })

t.test('what a job lacks or has blanked comes from the host’s own file; what it says itself stays', async (t) => {
  const host = await open(t, {
    'web.yaml': {
      target_id: 'target-1',
      connector: 'caddy',
      key_file: 'own.key',
      key_file_mode: '0640',
      cert_file: 'x',
    },
  })

  const outcome = await host.job({ cert_file: 'a.pem', key_file: '********', key_file_owner: '********' })

  t.match(outcome, { outcome: 'deployed', host: 'changed' })
  t.same(pathsOf(outcome), [host.at('own.key'), host.at('a.pem')].toSorted())
})

t.test('groups of fields are completed field by field', async (t) => {
  const host = await open(t, {
    'web.yaml': { target_id: 'target-1', connector: 'caddy', post_deploy_verify: { enabled: false, endpoint: 'x:1' } },
  })

  const outcome = await host.job({ post_deploy_verify: { endpoint: '********' } })

  t.match(outcome, { outcome: 'deployed', probes: [] })
})

t.test('a blanked key file that no file and no daemon tells is refused; the way out has the id', async (t) => {
  const host = await open(t, {})

  for (const [connector, field] of [
    ['Caddy', 'key_file'],
    ['Traefik', 'key_file'],
    ['Envoy', 'key_filename'],
  ] as const) {
    const outcome = await host.job({ [field]: '********' }, { connector })
    t.match(outcome, { outcome: 'refused', code: 'TARGET_REDACTED', host: 'untouched' })
    t.match(outcome.message, `Write ${field} into ${host.at('../targets')}/NAME.yaml, with target_id: target-1`)
  }
})

t.test('what the host’s own file says is not the job’s word in a renewal by the host itself', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-own-link-')
  t.teardown(() => removeTree(dir))
  const link = join(dir, 'live')
  const host = await open(t, { 'web.yaml': { target_id: 'target-1', connector: 'caddy', cert_dir: link } })
  await symlink(host.at('.'), link)

  t.match(await host.job({ cert_dir: link }), { outcome: 'refused', code: 'PATH_NOT_ALLOWED' })
  t.match(await host.job({ cert_dir: link }, { own: true }), { outcome: 'deployed' })
})

t.test('with policy.targets local a job brings a certificate and nothing else', async (t) => {
  const files = { 'web.yaml': { target_id: 'target-1', connector: 'caddy', key_file: 'own.key', cert_file: 'own.pem' } }
  const host = await open(t, files, { targets: 'local' })

  const stranger = await host.job({ cert_file: 'a.pem' }, { target: 'target-2' })
  const outcome = await host.job({ cert_file: 'a.pem', key_file: 'evil.key', x: 1 }, { connector: 'Postfix' })

  t.match(stranger, { outcome: 'refused', code: 'TARGET_NOT_ALLOWED', host: 'untouched' })
  t.match(stranger.message, /policy\.targets.*NAME\.yaml, with target_id: target-2/)
  t.match(outcome, { outcome: 'deployed' })
  t.same(pathsOf(outcome), [host.at('own.key'), host.at('own.pem')])
})

t.test('a target without an id is found by the name that the job has', async (t) => {
  const host = await open(t, { 'web.yaml': { connector: 'caddy', cert_file: 'own.pem' } }, { targets: 'local' })

  t.match(await host.job({}, { targetName: 'web' }), { outcome: 'deployed' })
  t.match(await host.job({}, { targetName: 'other' }), { outcome: 'refused', code: 'TARGET_NOT_ALLOWED' })
  t.match(await host.job({}), { outcome: 'refused', code: 'TARGET_NOT_ALLOWED' })
})

t.test('a job for another connector than the host’s own file says is refused', async (t) => {
  const host = await open(t, { 'web.yaml': { target_id: 'target-1', connector: 'caddy' } })

  const outcome = await host.job({}, { connector: 'Traefik' })

  t.match(outcome, { outcome: 'refused', code: 'TARGET_INVALID', message: /web\.yaml.*says caddy/ })
})

t.test(
  'a file with a mistake stops its own jobs, and those of a file that cannot be read all that have none',
  async (t) => {
    const files = {
      'typo.yaml': { target_id: 'target-1', connector: 'caddy', key_fil: 'x' },
      'good.yaml': { target_id: 'target-2', connector: 'caddy' },
    }
    const host = await open(t, files)
    const torn = await open(t, { ...files, 'torn.yaml': 'connector: {' })

    t.match(await host.job({}), {
      code: 'TARGET_INVALID',
      message: /typo\.yaml.*has no field key_fil: is key_file meant\?/,
    })
    t.match(await host.job({}, { target: 'target-2' }), { outcome: 'deployed' })
    t.match(await host.job({}, { target: 'target-3' }), { outcome: /deployed|unchanged/ })
    t.match(await torn.job({}, { target: 'target-3' }), { code: 'TARGET_INVALID', message: /torn\.yaml/ })
    t.match(await torn.job({}, { target: 'target-2' }), { outcome: 'deployed' })
  },
)

t.test('check names each file: which jobs it is for, or what is wrong with it', async (t) => {
  const host = await open(
    t,
    {
      'good.yaml': { target_id: 'target-1', connector: 'caddy' },
      'typo.yaml': { connector: 'cady' },
      'value.yaml': { connector: 'caddy', mode: 'apo' },
      'copied.yaml': { connector: 'caddy', key_file: '********' },
    },
    { targets: 'local' },
  )
  const empty = await open(t, {}, { targets: 'local' })

  t.match(examineOwnTargets(host.engine), [
    { what: 'own target good', verdict: 'ok', detail: /good\.yaml: caddy, for jobs with target_id target-1/ },
    { what: 'own target copied', verdict: 'failed', detail: /key_file is a blanked copy/ },
    { what: 'own target typo', verdict: 'failed', detail: /no connector is called cady; there are .*caddy/ },
    { what: 'own target value', verdict: 'failed', detail: /mode has to be one of api, file/ },
  ])
  t.match(examineOwnTargets(empty.engine), [{ verdict: 'warning', detail: /no job is taken/ }])
})

t.test('the host’s own targets are others when the configuration is read again', async (t) => {
  const host = await open(t, {}, { targets: 'local' })
  t.match(await host.job({}), { code: 'TARGET_NOT_ALLOWED' })

  await host.write('late.yaml', { target_id: 'target-1', connector: 'caddy' })
  await host.reload()

  t.match(await host.job({}), { outcome: 'deployed' })
})

t.test('an older pair goes back to where the completed target has it', async (t) => {
  const host = await open(t, { 'web.yaml': { target_id: 'target-1', connector: 'caddy', key_file: 'own.key' } })
  const blanked = { key_file: '********' }
  await host.job(blanked, older)
  await host.job(blanked)

  const outcome = await deployAgain('target-1', {}, host.engine, () => {})

  t.match(outcome, { outcome: 'deployed', certificate: { sha256: older.sha256 } })
  t.same(pathsOf(outcome), [host.at('cert.pem'), host.at('own.key')])
})

type Files = Readonly<Record<string, object | string>>

/** An engine with these files in its folder of targets, and a control plane’s jobs for a Caddy that needs no daemon. */
async function open(t: Test, files: Files, policy: { readonly targets?: 'local' } = {}) {
  const base = await makeTemporaryFolder('waxseal-own-targets-')
  t.teardown(() => removeTree(base))
  const dir = join(base, 'live')
  const at = (name: string): string => join(dir, name)
  const usual = { cert_dir: dir, reload_command: 'true' }
  const inFile = policy.targets === 'local' ? usual : {}
  for (const name of ['targets', 'live']) await makeFolder(join(base, name))
  const write = (name: string, text: object | string): Promise<void> =>
    writeText(
      join(join(base, 'targets'), name),
      typeof text === 'string' ? text : JSON.stringify({ ...inFile, ...text }),
    )
  for (const [name, text] of Object.entries(files)) await write(name, text)
  const file = join(base, 'waxseal.yaml')
  const config = {
    state_dir: join(base, 'state'),
    policy: { roots: [dir], commands: ['true'], dane: 'off', ...policy },
  }
  await writeText(file, JSON.stringify(config))
  const engine = await openEngine(await loadConfig({ file, env: {} }), systemClock)
  return {
    at,
    write,
    engine,
    reload: async () => engine.reconfigure(await loadConfig({ file, env: {} })),
    job: (config: object, changes: Partial<DeployRequest> & Partial<typeof pair> = {}): Promise<Outcome> => {
      const { certificatePem = pair.certificatePem, keyPem = pair.keyPem, ...request } = changes
      const common = { job: 'job-1', target: 'target-1', connector: 'Caddy', config: { ...usual, ...config } }
      return deploy({ ...common, certificatePem, findKey: async () => keyPem, ...request }, engine)
    },
  }
}

function pathsOf({ files }: Outcome): readonly string[] {
  return files.map(({ path }) => path).toSorted()
}
