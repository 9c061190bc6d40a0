import { generateKeyPairSync } from 'node:crypto'
import { on, once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type CommandResult, runCommand } from '../../../../src/host/process/command.ts'
import type { Command } from '../../../../src/plan/plan.ts'

const timeoutMs = 30_000

function script(source: string, ...args: readonly string[]): Command {
  return [process.execPath, '-e', source, ...args]
}

interface RollCall {
  readonly port: string
  next(): Promise<Socket>
  /** As `next`, of a child that answers while its command runs: a command that ends before could not start it. */
  during(running: Promise<CommandResult>): Promise<Socket>
}

/** Where the children of a test report that they live: a socket each, which ends with its process. */
async function openRollCall(t: Test): Promise<RollCall> {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const arrivals = on(server, 'connection')
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => {}).resume()))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const next = async (): Promise<Socket> => {
    const [socket] = (await arrivals.next()).value as [Socket]
    return socket
  }
  const during = (running: Promise<CommandResult>): Promise<Socket> =>
    Promise.race([next(), running.then(({ output }) => Promise.reject(new Error(`nobody answered: ${output}`)))])
  return { port: String((server.address() as AddressInfo).port), next, during }
}

/** Ignores SIGTERM, answers the roll call, echoes what it hears and lives for as long as it may. It is there within milliseconds. */
const survivor = `trap '' TERM; exec 3<>/dev/tcp/127.0.0.1/$1; cat <&3 >&3`

function bash(source: string, { port }: RollCall): Command {
  return ['bash', '-c', source, 'bash', port]
}

t.test('exit status, output and time are reported', async (t) => {
  const command = script(`console.log('out'); console.error('err'); process.exitCode = 3`)

  const result = await runCommand(command, { timeoutMs })

  t.match(result, { command, exitCode: 3, signal: null, timedOut: false, stdout: 'out\n' })
  t.match(result.output, /^out\n+err$/)
  t.ok(result.ms > 0 && result.ms < timeoutMs)
})

t.test('a process that dies by a signal has no exit status', async (t) => {
  const result = await runCommand(script(`process.kill(process.pid, 'SIGKILL')`), { timeoutMs })

  t.match(result, { exitCode: null, signal: 'SIGKILL', timedOut: false })
})

t.test('arguments reach the program as they are, without a shell', async (t) => {
  const args = ['a b', '$HOME', '`id`', '*', '; true', '"', '']

  const { stdout } = await runCommand(script('console.log(JSON.stringify(process.argv.slice(1)))', ...args), {
    timeoutMs,
  })

  t.same(JSON.parse(stdout), args)
})

t.test('the environment is scrubbed, the folder is the root, standard input is empty', async (t) => {
  process.env['WAXSEAL_TEST_SECRET'] = 'secret'
  t.teardown(() => delete process.env['WAXSEAL_TEST_SECRET'])
  const source = `console.log(JSON.stringify([process.env, process.cwd(), require('node:fs').readFileSync(0, 'utf8')]))`

  const { stdout } = await runCommand(script(source), { timeoutMs })

  const [environment, folder, input] = JSON.parse(stdout) as [Record<string, string>, string, string]
  const own = Object.entries(environment).filter(([name]) => name !== 'NODE_OPTIONS' && !name.startsWith('_TAPJS_'))
  const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  t.same(Object.fromEntries(own), { PATH, LANG: 'C', HOME: '/' }, 'beside what tap gives to every child')
  t.same([folder, input], ['/', ''])
})

t.test('the last 2 kB of the output are kept', async (t) => {
  const result = await runCommand(script(`process.stdout.write('a'.repeat(9e6) + 'the end')`), { timeoutMs })

  t.equal(result.output, `${'a'.repeat(2041)}the end`)
  t.equal(result.stdout, 'a'.repeat(8 * 1024 * 1024))
})

t.test('control characters are removed from the output', async (t) => {
  const result = await runCommand(script(String.raw`process.stdout.write('\0\x1b[31mred\x07\tand\r\nblue\u202e')`), {
    timeoutMs,
  })

  t.equal(result.output, '[31mred\tand\nblue')
})

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
const spki = { type: 'spki', format: 'pem' } as const
const options = { modulusLength: 4096, privateKeyEncoding: pkcs8, publicKeyEncoding: spki }
const { privateKey } = generateKeyPairSync('rsa', options)
const keyLines = privateKey.split('\n').filter((line) => /^[A-Za-z0-9+/=]{20,}$/.test(line))
const keyOutputs = {
  whole: `before\n${privateKey}after\n`,
  'behind another label': `before\n${privateKey.replaceAll('PRIVATE', 'RSA PRIVATE')}after\n`,
  'cut off at its end': `before\n${privateKey.slice(0, 1500)}`,
  'so long that its head is not in the last 2 kB': privateKey,
  'cut off at both ends': `before\n${privateKey.slice(0, 3000)}`,
  'with control characters in its label': privateKey.replaceAll('PRIVATE', 'PRI\0VATE'),
  'behind much else': `${'a'.repeat(100_000)}\n${privateKey}`,
  'one of more than are read': privateKey.repeat(30),
}

for (const [kind, text] of Object.entries(keyOutputs)) {
  t.test(`a private key is removed: ${kind}`, async (t) => {
    for (const stream of ['stdout', 'stderr']) {
      const source = `process.${stream}.write(${JSON.stringify(text)})`

      const { output } = await runCommand(script(source), { timeoutMs })

      t.notOk(
        keyLines.some((line) => output.includes(line)),
        stream,
      )
    }
  })
}

t.test('what was said around a private key is kept', async (t) => {
  const source = `process.stdout.write(${JSON.stringify(keyOutputs.whole)})`

  const { output } = await runCommand(script(source), { timeoutMs })

  t.equal(output, 'before\n[private key removed]\nafter')
})

t.test('the time limit ends a command', async (t) => {
  const result = await runCommand(script('setInterval(() => {}, 1000)'), { timeoutMs: 200 })

  t.match(result, { exitCode: null, signal: 'SIGTERM', timedOut: true })
})

t.test('a command that ignores SIGTERM is killed, and its child with it', async (t) => {
  const rollCall = await openRollCall(t)
  const running = runCommand(bash(`(${survivor}) & ${survivor}`, rollCall), { timeoutMs: 3000, killAfterMs: 200 })
  const one = await rollCall.during(running)
  const other = await rollCall.during(running)

  const [result] = await Promise.all([running, once(one, 'close'), once(other, 'close')])

  t.match(result, { exitCode: null, signal: 'SIGKILL', timedOut: true })
})

t.test('a grandchild that ignores SIGTERM does not outlive a command that heeds it', async (t) => {
  const rollCall = await openRollCall(t)
  const running = runCommand(bash(`(${survivor}) & exec sleep 600`, rollCall), { timeoutMs: 3000, killAfterMs: 60_000 })
  const grandchild = await rollCall.during(running)

  const [result] = await Promise.all([running, once(grandchild, 'close')])

  t.match(result, { signal: 'SIGTERM', timedOut: true })
})

t.test('a daemon that inherits the pipes neither holds us up nor is harmed', async (t) => {
  const rollCall = await openRollCall(t)
  const arriving = rollCall.next()

  const result = await runCommand(bash(`(${survivor}) & printf started`, rollCall), { timeoutMs })

  if (!t.match(result, { exitCode: 0, timedOut: false, output: 'started' })) return
  const daemon = await arriving
  daemon.write('alive')
  t.same(await Promise.race([once(daemon, 'data'), once(daemon, 'close')]), [Buffer.from('alive')])
})

const impossible: Readonly<Record<string, Command>> = {
  'that does not exist': ['/nonexistent/program', '-v'],
  'that is a folder': ['/etc'],
  'below a file': ['/etc/passwd/program'],
  'without a name': [''],
  'with a NUL byte in its arguments': ['true', 'a\0b'],
  'with more arguments than the kernel takes': ['true', 'a'.repeat(3_000_000)],
}

for (const [kind, command] of Object.entries(impossible)) {
  t.test(`a program ${kind} is reported, and nothing is thrown`, async (t) => {
    const result = await runCommand(command, { timeoutMs })

    t.match(result, { command, exitCode: null, signal: null, timedOut: false, stdout: '' })
    t.not(result.output, '')
  })
}
