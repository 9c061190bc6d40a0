import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'
import { deploy } from '../../src/deployer/deploy.ts'
import { openEngine } from '../../src/deployer/open-engine.ts'
import { outcomeWithout } from '../../src/documents/without-output.ts'
import { systemClock } from '../../src/host/clock.ts'
import { makeAuthority } from '../support/certificates.ts'
import { hostileText, rawCharacter } from '../support/hostile-text.ts'
import { jsonOf, runTogether, runWaxseal } from '../support/run-waxseal.ts'

const token = 'hunter2-token'
/** No argument of a process has a NUL in it. */
const argument = hostileText.replaceAll('\0', '')
const authority = await makeAuthority()

t.test('no command of a host obeys or hides text from outside, and its line is one line', async (t) => {
  const { config, id } = await hostOf(t)
  const commands: readonly (readonly string[])[] = [
    ['status'],
    ['history'],
    ['history', id],
    ['keys'],
    ['check'],
    ['recover'],
    ['verify', id],
    ['rollback', id],
    ['history', argument],
    ['explain', argument],
    ['forget', argument],
    ['deploy', '--connector', argument, '--cert', argument],
    ['probe', argument],
    [argument],
    ['forget', id],
  ]

  const forms = commands.flatMap((command) => [command, [...command, '--json']])
  const withConfig = forms.map((form) => (form[0] === 'explain' ? form : [...form, '--config', config]))
  const said = await runTogether(withConfig)

  for (const [index, text] of said.entries()) {
    t.not(text, '')
    t.notMatch(text, rawCharacter, forms[index]?.join(' ').slice(0, 40) ?? '')
    t.notMatch(text, /^ok       all is well/m)
  }
  t.equal(said.length, forms.length)
})

t.test("what a check printed is shown by root's own commands, and is in no report and no status", async (t) => {
  const { config, failed } = await hostOf(t)

  const history = await runWaxseal(['history', '--config', config])
  const kept = jsonOf(await runWaxseal(['history', '--json', '--config', config]))
  const status = await runWaxseal(['status', '--config', config])

  t.match(failed, { code: 'PREFLIGHT_FAILED', printed: [new RegExp(token)] })
  t.match(history.stdout, token)
  t.match(JSON.stringify(kept), token)
  t.notMatch(status.stdout, token)
  t.notMatch(JSON.stringify(outcomeWithout(failed)), token)
})

/** A host with a target of a hostile name, one deployment that went well, and one whose check failed and printed hostile text. */
async function hostOf(t: Test) {
  const dir = t.testdir({ live: {} })
  const config = join(dir, 'waxseal.yaml')
  const check = join(dir, 'check')
  await writeFile(check, `#!/bin/sh\ntest ! -e ${dir}/broken && exit 0\ncat ${dir}/broken\nexit 1\n`, { mode: 0o755 })
  await writeFile(
    config,
    JSON.stringify({
      state_dir: join(dir, 'state'),
      status: { listen: `unix:${dir}/none.sock` },
      policy: { roots: [join(dir, 'live')], commands: [check, 'true'] },
    }),
  )
  const engine = await openEngine(await loadConfig({ file: config, env: {} }), systemClock)
  const id = 'target-1'
  const run = async () => {
    const pair = await authority.issue({ names: ['mail.example.net'] })
    const paths = { cert_path: join(dir, 'live/cert.pem'), key_path: join(dir, 'live/key.pem') }
    const commands = { validate_command: check, reload_command: 'true', endpoints: [] }
    return deploy(
      {
        target: id,
        targetName: hostileText,
        connector: 'postfix',
        config: { ...paths, ...commands },
        certificatePem: pair.certificatePem,
        findKey: async () => pair.keyPem,
      },
      engine,
    )
  }
  for (const outcome of [await run(), await run()]) t.match(outcome, { outcome: 'deployed' })
  await writeFile(join(dir, 'broken'), `${token} ${hostileText}`)
  const failed = await run()
  await mkdir(join(dir, 'state/journal'), { recursive: true })
  await writeFile(join(dir, `state/journal/${encodeURIComponent('\u{9b}2J')}.json`), hostileText)
  return { config, id, failed }
}
