import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { outcomeWithout } from '../../../src/documents/without-output.ts'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { runCommand } from '../../../src/host/process/command.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { issueAll, startNginxSites } from '../../support/nginx-sites.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const [first, second] = await Promise.all([authority.issue({ names }), authority.issue({ names })])

const broken = {
  postfix: ['etc/master.cf', 'nonsense\n', 'bad field count'],
  dovecot: ['dovecot.conf', 'nonsense = yes\n', 'nonsense'],
} as const

for (const [name, start] of [
  ['postfix', startPostfix],
  ['dovecot', startDovecot],
] as const) {
  t.test(`${name}: the check reads no certificate`, { skip: unlessInstalled(name) }, async (t) => {
    const dir = await makeTemporaryFolder('waxseal-checks-')
    const daemon = await start(dir, first)
    t.teardown(async () => {
      await daemon.stop()
      await removeWhenQuiet(dir)
    })
    const commands = [daemon.check, daemon.reload].map((command) => command.join(' '))
    const engine = await openTestEngine(dir, [...commands, 'false', 'true'])

    await t.test('so it is run once, before any file is touched', async (t) => {
      const outcome = await deployPair(engine, daemon, second)

      t.match(outcome, { outcome: 'deployed', code: null })
      t.same(runsOf(outcome, daemon.check), ['preflight'])
      t.match(
        outcome.steps.find(({ name: step }) => step === 'check'),
        { commands: [] },
      )
    })

    await t.test('so one that fails refuses, with every file and port as it was', async (t) => {
      const [file, line, reason] = broken[name]
      const config = await readFile(join(dir, file), 'utf8')
      await appendFile(join(dir, file), line)
      t.teardown(() => writeFile(join(dir, file), config))
      t.not((await runCommand(daemon.check, { timeoutMs: 30_000 })).exitCode, 0)
      const before = await filesOf(daemon)

      for (const endpoints of [undefined, []]) {
        const outcome = await deployPair(engine, daemon, first, endpoints === undefined ? {} : { endpoints })

        t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'PREFLIGHT_FAILED', stage: 'preflight' })
        t.match(outcome.printed?.join('\n'), reason, 'what the daemon says is told')
        t.notMatch(JSON.stringify(outcomeWithout(outcome)), reason, 'on this host alone')
      }

      t.same(await filesOf(daemon), before)
      t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))
      t.same(await engine.journal.list(), [])
    })

    await t.test(
      'a command of the target in its place may read one: it decides before, and behind the commit',
      async (t) => {
        const refused = await deployPair(engine, daemon, first, { validate_command: 'false' })
        const deployed = await deployPair(engine, daemon, first, { validate_command: 'true' })

        t.match(refused, { outcome: 'refused', host: 'untouched', code: 'PREFLIGHT_FAILED' })
        t.match(deployed, { outcome: 'deployed' })
        t.same(runsOf(deployed, ['true']), ['preflight', 'check'])
      },
    )
  })
}

t.test(
  'nginx: a configuration that was broken before is rolled back, and restored: it was told of nothing',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-checks-')
    const [site = ''] = names
    const host = await startNginxSites(dir, await issueAll(authority, names))
    const config = await readFile(join(dir, 'nginx.conf'), 'utf8')
    t.teardown(async () => {
      await writeFile(join(dir, 'nginx.conf'), config)
      await host.stop()
      await removeWhenQuiet(dir)
    })
    const before = await host.served()
    await appendFile(join(dir, 'nginx.conf'), 'nonsense;\n')

    for (const endpoints of [undefined, []]) {
      const changes = endpoints === undefined ? {} : { endpoints }
      const outcomes = await host.deploy(await issueAll(authority, names), { [site]: changes })

      t.match(outcomes.get(site), { outcome: 'rolled-back', host: 'restored', code: 'PREFLIGHT_FAILED' })
    }

    t.same(await host.served(), before)
    t.same(await host.engine.journal.list(), [])
  },
)

function runsOf({ steps }: Outcome, command: readonly string[]): readonly string[] {
  const words = command.join(' ')
  return steps.flatMap(({ name, commands }) =>
    commands.filter((ran) => ran.command.join(' ') === words).map(() => name),
  )
}
