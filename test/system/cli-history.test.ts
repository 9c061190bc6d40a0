import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startStandIn } from '../../src/demo/mail-host/stand-in.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority, type TestPair } from '../support/certificates.ts'
import { filesOf, leavesOf, targetOf } from '../support/deployment.ts'
import { jsonOf, type Ran, runWaxseal } from '../support/run-waxseal.ts'

const authority = await makeAuthority()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })

interface History {
  readonly deployments: readonly Readonly<Record<string, unknown>>[]
  readonly pairs: readonly Readonly<Record<string, unknown>>[]
}

t.test('before the first deployment history says that there is none, and ends with 0', async (t) => {
  const { waxseal } = await openHost(t)

  t.match(await waxseal('history'), { status: 0, stdout: /No deployment yet\.[^]*No pair is kept\./, stderr: '' })
  t.same(jsonOf(await waxseal('history', '--json')), { deployments: [], pairs: [] })
  for (const command of ['history', 'verify', 'rollback', 'forget'])
    t.match(await waxseal(command, 'nosuch'), {
      status: 2,
      stdout: '',
      stderr: /^waxseal: TARGET_UNKNOWN: .*\(target: nosuch; known: none yet\)/,
    })
})

t.test('after two deployments', async (t) => {
  const { daemon, target, oldPair, deploy, waxseal } = await openHost(t)
  const [first, second] = [await issue(), await issue()]
  await deploy(first)
  await deploy(second)
  const served = async (): Promise<readonly (string | null)[]> => [...new Set(await leavesOf(daemon))]

  await t.test('history lists them newest first, and every pair that can be deployed again', async (t) => {
    const { deployments, pairs } = jsonOf<History>(await waxseal('history', '--json'))

    t.match(deployments, [
      { target, outcome: 'deployed', host: 'changed', code: null, sha256: second.sha256 },
      { target, outcome: 'deployed', sha256: first.sha256 },
    ])
    t.match(pairs, [
      { target, generation: 3, sha256: second.sha256, live: true },
      { target, generation: 2, sha256: first.sha256, live: false },
      { target, generation: 1, sha256: oldPair.sha256, live: false },
    ])
  })

  await t.test('history for a person shows the same, with what is live, and of one target only that', async (t) => {
    const ran = await waxseal('history')

    t.match(ran, { status: 0, stderr: '' })
    for (const { sha256 } of [first, second]) t.match(ran.stdout, sha256.slice(0, 16))
    t.match(ran.stdout, new RegExp(`  3  .*${second.sha256.slice(0, 16)}…  live\n`))
    t.equal((await waxseal('history', target)).stdout, ran.stdout)
    t.match(await waxseal('history', 'nobody'), {
      status: 2,
      stdout: '',
      stderr: `TARGET_UNKNOWN: This host knows no such target. (target: nobody; known: ${target})`,
    })
    t.match(await waxseal('history', 'postfix-hots'), { status: 2, stderr: `Is ${target} meant?` })
    t.notMatch(ran.stdout, /PRIVATE KEY/)
  })

  await t.test('rollback makes the older pair live again, and says each step', async (t) => {
    const ran = await waxseal('rollback', target)

    t.match(ran, { status: 0, stdout: /deployed: the host is changed.*seen on 2 of 2 probes/, stderr: '' })
    t.match(ran.stdout, /activate/)
    t.same(await served(), [first.sha256])
  })

  await t.test('rollback --to takes the pair of that number, and --json prints the outcome', async (t) => {
    const ran = await waxseal('rollback', target, '--to', '3', '--json')

    t.equal(ran.status, 0)
    t.match(jsonOf(ran), { outcome: 'deployed', certificate: { sha256: second.sha256 } })
    t.same(await served(), [second.sha256])
  })

  await t.test('what was deployed again says so, and of equal pairs the newest alone is live', async (t) => {
    const { deployments, pairs } = jsonOf<History>(await waxseal('history', '--json'))

    t.match(deployments, [
      { generation: 3, sha256: second.sha256 },
      { generation: 2, sha256: first.sha256 },
      { generation: undefined, sha256: second.sha256 },
      { generation: undefined, sha256: first.sha256 },
    ])
    t.same(
      pairs.map(({ generation, live }) => [generation, live]),
      [
        [5, true],
        [4, false],
        [3, false],
        [2, false],
      ],
    )
    t.match((await waxseal('history')).stdout, /rollback to 3: deployed .*\n.*rollback to 2: deployed /)
  })

  await t.test(
    'an unknown target and an unknown generation end with 2, list what there is, touch nothing',
    async (t) => {
      const before = await filesOf(daemon)
      const wrong: readonly (readonly [readonly string[], string | RegExp])[] = [
        [['nobody'], target],
        [[target, '--to', '99'], /generations: 5, 4, 3, 2/],
        [[target, '--to', 'x'], /not the number of a generation/],
        [[], /missing required argument/],
      ]

      for (const [args, message] of wrong)
        t.match(await waxseal('rollback', ...args), { status: 2, stdout: '', stderr: message }, args.join(' '))
      t.same(await filesOf(daemon), before)
    },
  )
})

t.test('a target that is deployed to no more', async (t) => {
  const { dir, daemon, target, deploy, waxseal, cutOff } = await openHost(t)
  const [first, second] = [await issue(), await issue()]
  await deploy(first)
  await deploy(second)
  const before = await filesOf(daemon)
  const inState = async (name: string): Promise<readonly string[]> => readdir(join(dir, 'state', name))
  const targets = async (): Promise<readonly object[]> =>
    jsonOf<{ readonly targets: readonly object[] }>(await waxseal('status', '--json')).targets

  await t.test('is not forgotten while a deployment to it can be neither finished nor undone', async (t) => {
    await cutOff('false')
    await daemon.stop()
    t.match((await waxseal('check')).stdout, new RegExp(`failed +target ${target}`))

    const ran = await waxseal('forget', target)

    t.match(ran, {
      status: 1,
      stdout: '',
      stderr: new RegExp(`ROLLBACK_FAILED.*gone for good\\? waxseal forget ${target} --force`, 's'),
    })
    t.equal((await inState('archive')).length, 3)
    t.equal((await inState('journal')).length, 1)
    t.match(await targets(), [{ target }])
  })

  await t.test('is never forgotten under another name', async (t) => {
    t.match(await waxseal('forget', 'nobody'), { status: 2, stdout: '', stderr: `known: ${target})` })
  })

  await t.test(
    'is watched no more when it is given up, its kept keys are gone, its files and what happened are not',
    async (t) => {
      await alsoTo('other', join(dir, 'state/journal'))

      const ran = await waxseal('forget', target, '--force')

      t.match(ran, { status: 0, stdout: `${target} is forgotten: 3 kept pairs are removed.`, stderr: '' })
      t.match(ran.stdout, '\nGiven up: its last deployment. ROLLBACK_FAILED: ')
      t.same(await inState('archive'), [])
      t.same(await inState('journal'), ['other.json'], 'what was deployed together with it is still to be recovered')
      t.same(await targets(), [])
      t.notMatch((await waxseal('check')).stdout, `target ${target}`)
      t.same(await filesOf(daemon), before)
      t.same((await readdir(join(dir, 'live'))).toSorted(), ['cert.pem', 'key.pem'])
      t.match((await waxseal('history', target)).stdout, new RegExp(`${target} +deployed`))
      t.match(await waxseal('forget', 'other', '--force'), { status: 0, stdout: 'other is forgotten: 0 kept pairs' })
      t.same(await inState('journal'), [])
      t.match(await waxseal('forget', target), { status: 2, stderr: /known: none yet/ })
    },
  )

  await t.test('is known again by its next deployment, were it one that fails', async (t) => {
    t.match(await deploy({ ...first, keyPem: second.keyPem }), { status: 3 })

    t.match(await targets(), [{ target, state: 'failed' }])
    t.same(jsonOf(await waxseal('forget', target, '--json')), { target, name: target, pairs: 0, givenUp: null })
    t.same(await targets(), [])
  })
})

t.test('a target is forgotten once the deployment to it that was cut off is finished', async (t) => {
  const { dir, daemon, target, waxseal, cutOff } = await openHost(t)
  const pair = await cutOff('true')

  t.match(await waxseal('forget', target), { status: 0 })

  t.same(new Set(await leavesOf(daemon)), new Set([pair.sha256]))
  t.same(await readdir(join(dir, 'state/journal')), [])
  t.same(await readdir(join(dir, 'state/deployments')), [])
  t.same((await readdir(join(dir, 'live'))).toSorted(), ['cert.pem', 'key.pem'])
})

t.test('a target is forgotten with a journal that is set aside, and that is said', async (t) => {
  const { dir, target, waxseal, cutOff } = await openHost(t)
  await cutOff('false')
  const path = join(dir, 'state/journal', `${target}.json`)
  await writeFile(path, inAnotherFolder(await readFile(path, 'utf8'), dir))

  const ran = await waxseal('forget', target)

  t.match(ran, { status: 0, stdout: /Given up: its last deployment\. PATH_NOT_ALLOWED: /, stderr: '' })
  t.same(await readdir(join(dir, 'state/journal')), [`${target}.json.aside`])
})

t.test('recover with nothing to do ends with 0', async (t) => {
  const { waxseal } = await openHost(t)

  t.match(await waxseal('recover'), { status: 0, stdout: 'Nothing was left by a crash.\n', stderr: '' })
  t.same(jsonOf(await waxseal('recover', '--json')), { recovered: [], setAside: [] })
})

t.test('a deployment that was killed between commit and reload', async (t) => {
  const { dir, daemon, target, oldPair, deploy, waxseal, cutOff } = await openHost(t)
  const before = await filesOf(daemon)
  const inLive = async (): Promise<readonly string[]> => (await readdir(join(dir, 'live'))).toSorted()
  const all = ({ sha256 }: TestPair): readonly string[] => [sha256, sha256]

  await t.test('is put back by recover where the daemon does not load it', async (t) => {
    await cutOff('false')
    t.equal((await inLive()).length, 4, 'the old files are kept beside the new ones')

    t.match(await waxseal('recover'), { status: 0, stdout: `${target}: put back\n`, stderr: '' })

    t.same(await filesOf(daemon), before)
    t.same(await inLive(), ['cert.pem', 'key.pem'])
    t.same(await leavesOf(daemon), all(oldPair))
    t.match(await waxseal('recover'), { status: 0, stdout: 'Nothing was left by a crash.\n' })
  })

  await t.test('is finished by recover where the daemon does', async (t) => {
    const pair = await cutOff('true')

    const ran = await waxseal('recover', '--json')

    t.equal(ran.status, 0)
    t.same(jsonOf(ran), {
      recovered: [{ target, name: target, did: 'finished', code: null, message: null }],
      setAside: [],
    })
    t.same(await leavesOf(daemon), all(pair))
    t.same(await inLive(), ['cert.pem', 'key.pem'])
  })

  await t.test('is recovered by the next deployment', async (t) => {
    await cutOff('false')
    const pair = await issue()

    t.match(await deploy(pair), { status: 0 })

    t.same(await leavesOf(daemon), all(pair))
    t.same(await inLive(), ['cert.pem', 'key.pem'])
    t.match(await waxseal('recover'), { status: 0, stdout: 'Nothing was left by a crash.\n' })
  })
})

t.test('recover of a journal that is not to be trusted sets it aside, touches nothing and ends with 5', async (t) => {
  const { dir, daemon, target, waxseal, cutOff } = await openHost(t)
  await cutOff('false')
  const [name = ''] = await readdir(join(dir, 'state/journal'))
  const path = join(dir, 'state/journal', name)
  const journal = await readFile(path, 'utf8')
  const files = await filesOf(daemon)

  await writeFile(path, journal.replace('"deploying"', '"Deploying"'))
  t.match(await waxseal('recover'), { status: 5, stdout: `journal/${name} is not to be trusted` })
  await writeFile(path, inAnotherFolder(journal, dir), { mode: 0o600 })
  t.match(await waxseal('recover'), { status: 5, stdout: `${target}: set aside. PATH_NOT_ALLOWED` })
  await writeFile(path, journal.slice(0, 100), { mode: 0o600 })
  const torn = await waxseal('recover', '--json')

  t.equal(torn.status, 5)
  t.same(jsonOf(torn), { recovered: [], setAside: [name] })
  t.same(await readdir(join(dir, 'state/journal')), [`${name}.aside`])
  t.same(await filesOf(daemon), files)
})

/** A document as the version before wrote it: whoever changes one by hand has no digest of it. */
function unsealed(text: string): string {
  return text.replace(/,"sha256":"[0-9a-f]{64}"\}\n$/, '}')
}

/** A journal whose old files are said to be kept elsewhere. */
function inAnotherFolder(journal: string, dir: string): string {
  return unsealed(journal).replaceAll(join(dir, 'live', '.waxseal-'), join(dir, 'state', '.waxseal-'))
}

/** Has the one transaction of the journal be of this target, too. */
async function alsoTo(other: string, journal: string): Promise<void> {
  const [name = ''] = await readdir(journal)
  const envelope = JSON.parse(unsealed(await readFile(join(journal, name), 'utf8'))) as {
    readonly document: { readonly deployments: object[] }
  }
  const { deployments } = envelope.document
  deployments.push({ ...deployments[0], target: other })
  await writeFile(join(journal, name), JSON.stringify(envelope))
}

/** A stand-in that serves an old pair. */
async function openHost(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-cli-history-')
  const at = (name: string): string => join(dir, name)
  const oldPair = await issue()
  await makeFolder(at('live'))
  const daemon = await startStandIn(at('live'), oldPair)
  t.teardown(async () => {
    await daemon.stop()
    await removeTree(dir)
  })
  const policy = { roots: [at('live')], commands: ['true', `sh ${at('reload')}`] }
  await writeText(at('waxseal.yaml'), JSON.stringify({ state_dir: at('state'), policy }))
  const target = 'postfix-host'
  const targetFile = at(`${target}.json`)
  const deployArguments = async (pair: TestPair, changes = {}): Promise<readonly string[]> => {
    await writeText(targetFile, JSON.stringify({ ...targetOf(daemon), ...changes }))
    await writeText(at('cert.pem'), pair.certificatePem)
    await writeText(at('key.pem'), pair.keyPem, 0o600)
    const files = ['--target', targetFile, '--cert', at('cert.pem'), '--key', at('key.pem')]
    return ['deploy', '--connector', 'postfix', ...files, '--config', at('waxseal.yaml')]
  }
  const waxseal = (name: string, ...args: readonly string[]): Promise<Ran> =>
    runWaxseal([name, ...args, '--config', at('waxseal.yaml')])
  /** A deployment whose reload kills it, by SIGKILL, after its files are committed; then the reload does that no more. */
  const cutOff = async (reload: 'true' | 'false'): Promise<TestPair> => {
    const pair = await issue()
    await writeText(at('reload'), 'kill -KILL $PPID')
    // All tries of a daemon that has gone are over within two seconds.
    const quick = { post_deploy_verify_attempts: 8, post_deploy_verify_backoff: '10ms' }
    const changes = { ...quick, reload_command: `sh ${at('reload')}` }
    t.equal((await runWaxseal(await deployArguments(pair, changes))).status, 'SIGKILL')
    await writeText(at('reload'), reload)
    return pair
  }
  const deploy = async (pair: TestPair): Promise<Ran> => runWaxseal(await deployArguments(pair))
  return { dir, daemon, oldPair, target, deploy, waxseal, cutOff }
}
