import { once } from 'node:events'
import { chmod, chown, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { runCommand } from '../../../../src/host/process/command.ts'

const timeoutMs = 10_000
const created = 'Transaction created for certificate site.pem!\n'
const master = (reloads: number, failed: number): string =>
  `#<PID> <type> <reloads> <uptime> <version>\n42 master ${reloads} [failed: ${failed}] 0d00h00m01s 2.6.12\n`

t.test('a file is set and committed under its own path, its lines without a gap that would end it', async (t) => {
  const { socket, path, heard } = await open(
    t,
    [created, 'Committing site.pem..\nSuccess!\n'],
    'one\n\n two\n\nthree\n',
  )

  const result = await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs })

  t.match(result, { exitCode: 0, signal: null, timedOut: false, output: /Success!/ })
  t.same(heard, [`set ssl cert ${path} <<\none\n two\nthree\n\n`, `commit ssl cert ${path}\n`])
})

t.test('what HAProxy does not take is a failure, and is said', async (t) => {
  const { socket, path } = await open(t, ['unable to load certificate from file\n', ''])

  const result = await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs })

  t.match(result, { exitCode: 1, output: 'unable to load certificate from file' })
})

t.test('a commit that fails is followed by an abort', async (t) => {
  const { socket, path, heard } = await open(t, [created, 'The certificate is not used\n', ''])

  const result = await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs })

  t.match(result, { exitCode: 1, output: 'The certificate is not used' })
  t.equal(heard.at(-1), `abort ssl cert ${path}\n`)
})

t.test('a commit that outlasts the time limit is followed by an abort, which has a limit of its own', async (t) => {
  const { socket, path, heard } = await open(t, [created, null, null])

  const result = await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs: 300 })

  t.match(result, { exitCode: 1, timedOut: true, output: 'the time limit passed' })
  t.equal(heard.at(-1), `abort ssl cert ${path}\n`)
})

t.test('an answer without words is a failure with words', async (t) => {
  const { socket, path } = await open(t, [created, '', ''])

  t.match(await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs }), {
    exitCode: 1,
    output: 'HAProxy gave no answer',
  })
})

t.test('an answer without an end is cut off', async (t) => {
  const { socket, path } = await open(t, ['x'.repeat(200_000), ''])

  t.match(await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs }), {
    exitCode: 1,
    output: 'the answer is too long',
  })
})

t.test('a private key that comes back is not in the output', async (t) => {
  const echo = '-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n'
  const { socket, path } = await open(t, [echo, ''])

  const { output } = await runCommand(['waxseal:haproxy-load', socket, path], { timeoutMs })

  t.equal(output, '[private key removed]')
})

t.test('a path that would be commands is not said', async (t) => {
  const { socket, path, heard } = await open(t, [created, 'Success!\n'])

  for (const text of [`${path};shutdown`, `${path} x`, `${path}\nshutdown`, `${path}\\`, 'site.pem', ''])
    t.match(await runCommand(['waxseal:haproxy-load', socket, text], { timeoutMs }), { exitCode: 1 }, text)

  t.same(heard, [])
})

t.test('a socket in a folder that another user could write, and what is no socket, is told no key', async (t) => {
  const { socket, path, heard } = await open(t, [created, 'Success!\n'])
  const load = (to: string) => runCommand(['waxseal:haproxy-load', to, path], { timeoutMs })

  await chmod(dirname(socket), 0o777)
  t.match(await load(socket), { exitCode: 1, output: /is not spoken to: .*chmod go-w/ })
  await chown(dirname(socket), 1000, 1000)
  await chmod(dirname(socket), 0o755)
  t.match(await load(socket), { exitCode: 1, output: /is not spoken to: .*chown root/ })
  await chown(dirname(socket), 0, 0)
  t.match(await load(path), { exitCode: 1, output: /is no socket/ })
  t.same(heard, [])
})

t.test('a file that is not there, and a socket at which nobody listens, are failures', async (t) => {
  const { socket, path } = await open(t, [])
  const nowhere = `${socket}-nobody`

  t.match(await runCommand(['waxseal:haproxy-load', socket, `${path}-none`], { timeoutMs }), {
    exitCode: 1,
    output: `there is no ${path}-none`,
  })
  for (const command of [
    ['waxseal:haproxy-load', nowhere, path],
    ['waxseal:haproxy-reload', nowhere],
  ] as const)
    t.match(await runCommand(command, { timeoutMs }), { exitCode: 1, output: /ENOENT/ })
})

t.test('a reload has succeeded when the master counts one more', async (t) => {
  const { socket, heard } = await open(t, [master(4, 0), '', master(4, 0), master(5, 0)])

  const result = await runCommand(['waxseal:haproxy-reload', socket], { timeoutMs })

  t.match(result, { exitCode: 0, output: 'reloaded: 5 since the start' })
  t.same(heard, ['show proc\n', 'reload\n', 'show proc\n', 'show proc\n'])
})

t.test('a reload has failed when the master counts one more failure, also after an earlier one', async (t) => {
  for (const before of [0, 1]) {
    const { socket } = await open(t, [master(4, before), '', master(5, before + 1)])

    t.match(await runCommand(['waxseal:haproxy-reload', socket], { timeoutMs }), {
      exitCode: 1,
      output: /could not load its new configuration/,
    })
  }
})

t.test('a reload that mends an earlier failure has succeeded', async (t) => {
  const { socket } = await open(t, [master(4, 2), '', master(5, 0)])

  t.match(await runCommand(['waxseal:haproxy-reload', socket], { timeoutMs }), { exitCode: 0 })
})

t.test('a reload that never ends has the time limit', async (t) => {
  const { socket } = await open(t, [master(4, 0), null, null])

  t.match(await runCommand(['waxseal:haproxy-reload', socket], { timeoutMs: 300 }), { exitCode: 1, timedOut: true })
})

t.test('a socket of something else is told apart', async (t) => {
  const { socket } = await open(t, ['Unknown command\n'])

  t.match(await runCommand(['waxseal:haproxy-reload', socket], { timeoutMs }), {
    exitCode: 1,
    output: /no master socket of HAProxy/,
  })
})

/** A Unix socket that hears one command per connection; it answers these in turn, null never; and a file with this text. */
async function open(t: Test, answers: readonly (string | null)[], text = 'pem\n') {
  // The path of a Unix socket has at most 107 bytes: unix(7).
  const dir = await makeTemporaryFolder('waxseal-cli-')
  const socket = join(dir, 'cli.sock')
  const path = join(dir, 'site.pem')
  await writeFile(path, text)
  const heard: string[] = []
  const connections = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    connections.add(connection.on('error', () => {}))
    let said = ''
    connection.on('data', (chunk) => {
      said += String(chunk)
    })
    connection.on('end', () => {
      const answer = answers[heard.length]
      heard.push(said)
      if (typeof answer === 'string') connection.end(answer)
    })
  }).listen(socket)
  await once(server, 'listening')
  t.teardown(async () => {
    for (const connection of connections) connection.destroy()
    server.close()
    await removeTree(dir)
  })
  return { socket, path, heard }
}
