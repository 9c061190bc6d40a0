import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { openEngine } from '../../../src/deployer/open-engine.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { servedLeaf } from '../../support/served-leaf.ts'
import { type Box, inNamespace, inPodman, startBox } from './boxed-daemons.ts'

type Fields = Readonly<Record<string, unknown>>

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net', 'table.example.net'] })
const skip = unlessInstalled('postfix') || unlessInstalled('dovecot')

for (const [what, begin, without] of [
  ['a mount namespace', inNamespace, skip],
  ['a container of podman', inPodman, skip || unlessInstalled('podman')],
] as const)
  t.test(`daemons in ${what}`, { skip: without }, async (t) => {
    const first = await issue()
    const box = await startBox(t, first, begin)
    const engine = await openHost(box)
    const pair = { cert_path: join(box.outside, 'cert.pem'), key_path: join(box.outside, 'key.pem') }
    const leaves = (ports: Box['postfixPorts']): Promise<readonly (string | null)[]> =>
      Promise.all(ports.map(servedLeaf))

    await t.test(
      'Postfix: settings are read, checked, reloaded and its table compiled inside, files written here; Dovecot, which reads them, too, with it',
      async (t) => {
        const next = await issue()

        const outcome = await job(engine, 'Postfix', pair, next)

        t.match(outcome, { outcome: 'deployed', host: 'changed', proven: true })
        t.same(commandsOf(outcome), [
          [...box.run, 'postfix', 'check'],
          [...box.run, 'doveconf', '-n'],
          [...box.run, 'postmap', '-F', 'hash:/etc/postfix/sni'],
          [...box.run, 'postfix', 'reload'],
          [...box.run, 'doveadm', 'reload'],
        ])
        t.same(await leaves(box.dovecotPorts), [next.sha256, next.sha256])
        t.same(await leaves(box.postfixPorts), [next.sha256, next.sha256])
        const [smtp] = box.postfixPorts
        if (smtp !== undefined) t.equal(await servedLeaf({ ...smtp, servername: box.tableName }), next.sha256)
        t.equal(await readFile(pair.cert_path, 'utf8'), next.certificatePem + next.chainPem)
        t.match(await job(engine, 'Postfix', pair, next), { outcome: 'unchanged' })
      },
    )

    await t.test('Dovecot, named by the paths that it has itself, and by commands of its own', async (t) => {
      const next = await issue()
      const own = {
        cert_path: `${box.inside}/cert.pem`,
        key_path: `${box.inside}/key.pem`,
        reload_command: 'doveadm reload',
      }

      const outcome = await job(engine, 'Dovecot', own, next, 'imap')

      t.match(outcome, { outcome: 'deployed', host: 'changed', proven: true })
      t.same(commandsOf(outcome), [
        [...box.run, 'doveconf', '-n'],
        [...box.run, 'postfix', 'check'],
        [...box.run, 'doveadm', 'reload'],
        [...box.run, 'postmap', '-F', 'hash:/etc/postfix/sni'],
        [...box.run, 'postfix', 'reload'],
      ])
      t.same(await leaves(box.dovecotPorts), [next.sha256, next.sha256])
      t.equal(await readFile(pair.cert_path, 'utf8'), next.certificatePem + next.chainPem)
    })

    await t.test('a blanked key path is what the daemon inside reads, as this host has it', async (t) => {
      const next = await issue()

      const outcome = await job(engine, 'Dovecot', { ...pair, key_path: '********' }, next, 'imap')

      t.match(outcome, { outcome: 'deployed', proven: true })
      t.equal(await readFile(pair.key_path, 'utf8'), next.keyPem)
    })

    await t.test('what is not shown on the ports is undone, and the old leaf is served', async (t) => {
      const before = await leaves(box.dovecotPorts)
      const endpoints = [await serveAnotherLeaf(t)]

      const outcome = await job(
        engine,
        'Dovecot',
        { ...pair, endpoints, post_deploy_verify_attempts: 2, post_deploy_verify_backoff: '50ms' },
        await issue(),
        'imap',
      )

      t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED' })
      t.same(await leaves(box.dovecotPorts), before)
    })

    await t.test('a path that the container does not share, or a command of a job’s own, is refused', async (t) => {
      const elsewhere = join(box.dir, 'elsewhere')
      await makeFolder(elsewhere)
      const lost = { cert_path: join(elsewhere, 'cert.pem'), key_path: join(elsewhere, 'key.pem') }

      t.match(await job(engine, 'Postfix', lost, await issue()), {
        outcome: 'refused',
        code: 'PATH_NOT_ALLOWED',
        message: /none of the folders that the container shares/,
      })
      for (const command of ['postfix stop', [...box.run, 'postfix', 'stop'].join(' '), 'nsenter -t 1 -m id'])
        t.match(await job(engine, 'Postfix', { ...pair, reload_command: command }, await issue()), {
          outcome: 'refused',
          code: 'COMMAND_NOT_ALLOWED',
          host: 'untouched',
        })
    })
  })

async function openHost({ dir, outside, run, paths }: Box): Promise<Engine> {
  const file = join(dir, 'waxseal.yaml')
  const box = { run, paths }
  const config = {
    state_dir: join(dir, 'state'),
    policy: { roots: [outside, join(dir, 'elsewhere')], dane: 'off' },
    instances: { box: { connector: 'postfix', ...box }, imap: { connector: 'dovecot', ...box } },
  }
  await writeText(file, JSON.stringify(config))
  return openEngine(await loadConfig({ file, env: {} }), systemClock)
}

function job(engine: Engine, connector: string, config: Fields, pair: TestPair, instance = 'box'): Promise<Outcome> {
  const { certificatePem, chainPem, keyPem } = pair
  const found = { certificatePem, chainPem, findKey: async () => keyPem }
  return deploy({ job: 'job-1', target: connector, connector, config, instance, ...found }, engine)
}

function commandsOf({ steps }: Outcome): readonly unknown[] {
  return steps.flatMap(({ commands }) => commands.map(({ command }) => command))
}
