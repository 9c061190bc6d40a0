import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { startPostfix } from '../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { serveAnotherLeaf } from '../support/another-leaf.ts'
import { builtProgram } from '../support/built-program.ts'
import { makeAuthority } from '../support/certificates.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { filesOf, leavesOf, targetOf } from '../support/deployment.ts'
import type { Ran } from '../support/run-waxseal.ts'
import { startPebble } from './pebble.ts'

const name = 'mail.example.net'
const skip = unlessInstalled('postfix', 'certbot', 'lego', 'pebble')

t.test('with a real ACME server, the clients of Debian and a real Postfix', { skip }, async (t) => {
  const dir = await makeTemporaryFolder('waxseal-hooks-')
  t.teardown(() => removeTree(dir))
  const at = (path: string): string => join(dir, path)
  const pebble = await startPebble(dir)
  t.teardown(() => pebble.stop())
  const oldPair = await (await makeAuthority()).issue({ names: [name] })
  const daemon = await startPostfix(dir, oldPair)
  t.teardown(() => daemon.stop())

  const [httpPort = 0] = await freePorts(1)
  const commands = [daemon.check, daemon.reload].map((command) => command.join(' '))
  const config = { state_dir: at('state'), policy: { roots: [dir], commands, dane: 'off' } }
  await makeFolder(at('bin'))
  await makeFolder(at('etc/waxseal/targets'))
  await writeText(at('etc/waxseal/waxseal.yaml'), JSON.stringify(config))
  await writeText(
    at('bin/waxseal'),
    `#!/bin/sh\nexec '${process.execPath}' '${builtProgram}' "$@" --config '${at('etc/waxseal/waxseal.yaml')}'\n`,
    0o755,
  )
  const env = {
    PATH: `${at('bin')}:${process.env['PATH']}`,
    HOME: dir,
    REQUESTS_CA_BUNDLE: pebble.caFile,
    LEGO_CA_CERTIFICATES: pebble.caFile,
  }
  const run = (...argv: readonly [string, ...string[]]): Promise<Ran> => runProgram(argv, env)
  const page = await readFile(new URL('../../docs/hooks.md', import.meta.url), 'utf8')
  /** A block of the page, its paths below the folder of this test. */
  const blockOf = (kind: string): string => {
    const [, block] = new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? []
    if (block === undefined) throw new Error(`the page has no block ${kind}`)
    return block.replaceAll('/etc/waxseal', at('etc/waxseal')).replaceAll('/var/lib/lego', at('lego')).trim()
  }
  const aim = (changes: object = {}): Promise<void> =>
    writeText(at('etc/waxseal/targets/mx.json'), JSON.stringify({ ...targetOf(daemon), ...changes }))
  const nowhere = { endpoints: [await serveAnotherLeaf(t)], post_deploy_verify_attempts: 1 }
  const leafIn = async (file: string): Promise<string> => {
    const { stdout } = await run('openssl', 'x509', '-in', file, '-noout', '-fingerprint', '-sha256')
    return stdout.replace(/^.*=/, '').replaceAll(':', '').trim().toLowerCase()
  }
  const servedEverywhere = async (): Promise<string | null> => {
    const leaves = new Set(await leavesOf(daemon))
    return leaves.size === 1 ? ([...leaves][0] ?? null) : null
  }

  await t.test('certbot', async (t) => {
    const lineage = at(`letsencrypt/live/${name}`)
    const folders = ['--config-dir', at('letsencrypt'), '--work-dir', at('work'), '--logs-dir', at('logs')] as const
    const obtain = ['--standalone', '--http-01-port', String(httpPort), '-d', name, '--key-type', 'ecdsa'] as const
    const account = ['--server', pebble.url, '--agree-tos', '-m', 'postmaster@example.net', '--no-eff-email'] as const
    await makeFolder(at('letsencrypt/renewal-hooks/deploy'))
    await writeText(at('letsencrypt/renewal-hooks/deploy/waxseal'), `${blockOf('certbot')}\n`, 0o755)
    const hook = at('letsencrypt/renewal-hooks/deploy/waxseal')

    await t.test('issues, its deploy hook deploys, and every port serves the leaf', async (t) => {
      await aim()

      const ran = await run('certbot', 'certonly', '-n', ...folders, ...obtain, ...account, '--deploy-hook', hook)

      t.equal(ran.status, 0, ran.stderr)
      t.equal(await servedEverywhere(), await leafIn(`${lineage}/fullchain.pem`))
    })

    await t.test('renews, and every port serves the new leaf', async (t) => {
      const before = await servedEverywhere()

      const ran = await run('certbot', 'renew', '-n', ...folders, '--force-renewal', '--no-random-sleep-on-renew')

      t.equal(ran.status, 0, ran.stderr)
      t.not(await servedEverywhere(), before)
      t.equal(await servedEverywhere(), await leafIn(`${lineage}/fullchain.pem`))
      t.match(await run('waxseal', 'check'), { status: 0 })
    })

    await t.test(
      'ends with 0 when its hook fails; it prints the hook’s words, and waxseal check ends with 1',
      async (t) => {
        const [before, files] = [await servedEverywhere(), await filesOf(daemon)]
        await aim(nowhere)

        const ran = await run('certbot', 'renew', '-n', ...folders, '--force-renewal', '--no-random-sleep-on-renew')

        t.equal(ran.status, 0)
        t.match(ran.stdout + ran.stderr, /reported error code 4/)
        t.match(ran.stdout + ran.stderr, /rolled-back: the host is restored\. VERIFY_FAILED/)
        t.equal(await servedEverywhere(), before)
        t.same(await filesOf(daemon), files)
        t.match(await run('waxseal', 'check'), { status: 1, stdout: /failed +target mx: .*rolled-back: VERIFY_FAILED/ })
      },
    )

    await t.test('is made good by its hook, run by hand as the page says', async (t) => {
      await aim()

      const ran = await runProgram([hook], { ...env, RENEWED_LINEAGE: lineage })

      t.equal(ran.status, 0, ran.stdout)
      t.equal(await servedEverywhere(), await leafIn(`${lineage}/fullchain.pem`))
      t.match(await run('waxseal', 'check'), { status: 0 })
    })
  })

  await t.test('lego', async (t) => {
    const pair = at(`lego/certificates/${name}.crt`)
    const lego = (...args: readonly string[]): Promise<Ran> =>
      run(
        'lego',
        '--path',
        at('lego'),
        '--server',
        pebble.url,
        '--email',
        'postmaster@example.net',
        '--accept-tos',
        '--domains',
        name,
        '--http',
        '--http.port',
        `127.0.0.1:${httpPort}`,
        ...args,
      )

    await t.test('issues, its run hook deploys without a shell, and every port serves the leaf', async (t) => {
      await aim()

      const ran = await lego('run', '--run-hook', blockOf('lego'))

      t.equal(ran.status, 0, ran.stderr)
      t.equal(await servedEverywhere(), await leafIn(pair))
    })

    await t.test('renews, its script deploys, and every port serves the new leaf', async (t) => {
      const before = await servedEverywhere()
      await writeText(at('lego-hook'), `${blockOf('lego-script')}\n`, 0o755)

      const ran = await lego('renew', '--days', '9999', '--no-random-sleep', '--renew-hook', at('lego-hook'))

      t.equal(ran.status, 0, ran.stderr)
      t.not(await servedEverywhere(), before)
      t.equal(await servedEverywhere(), await leafIn(pair))
    })

    await t.test('ends with the status of its hook when that fails, and the old leaf is served', async (t) => {
      const before = await servedEverywhere()
      await aim(nowhere)

      const ran = await lego('renew', '--days', '9999', '--no-random-sleep', '--renew-hook', blockOf('lego'))

      t.equal(ran.status, 4)
      t.match(ran.stdout + ran.stderr, /rolled-back: the host is restored\. VERIFY_FAILED/)
      t.equal(await servedEverywhere(), before)
    })
  })

  await t.test('acme.sh', async (t) => {
    const hook = async (): Promise<Ran> => {
      await writeText(at('waxseal.sh'), `${blockOf('acme\\.sh')}\n`)
      const [chain, key] = [at(`lego/certificates/${name}.crt`), at(`lego/certificates/${name}.key`)]
      return run(
        'sh',
        '-c',
        `. "$0"; waxseal_deploy "$@"`,
        at('waxseal.sh'),
        name,
        key,
        '/dev/null',
        '/dev/null',
        chain,
      )
    }

    await t.test('calls the function of its deploy hook, and every port serves the leaf', async (t) => {
      await aim()

      const ran = await hook()

      t.equal(ran.status, 0, ran.stdout)
      t.equal(await servedEverywhere(), await leafIn(at(`lego/certificates/${name}.crt`)))
    })

    await t.test('is told when the deployment fails', async (t) => {
      await aim({ cert_path: '/elsewhere/cert.pem' })

      t.match(await hook(), { status: 3, stdout: /refused: the host is untouched\. PATH_NOT_ALLOWED/ })
    })
  })
})

async function runProgram(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<Ran> {
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ])
  return { status: code ?? signal ?? 'unknown', stdout, stderr }
}
