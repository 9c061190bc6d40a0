import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { openServiceManager } from '../../../../src/host/process/service-manager.ts'

/** Prints each message that the service manager would get; Node has no datagram sockets of Unix. */
const listen = `
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('ready', flush=True)
while True:
    text, fds, _, _ = s.recvmsg(4096, 4096)
    for _, _, data in fds: [os.close(fd) for fd in array.array('i', data)]
    print(text.decode().replace('\\n', ' '), flush=True)
`

t.test('what is told arrives at the socket of the service manager', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-notify-')
  const path = join(dir, 'notify')
  const manager = spawn('python3', ['-c', listen, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    manager.kill('SIGKILL')
    await once(manager, 'close')
    await removeTree(dir)
  })
  const lines = createInterface({ input: manager.stdout })[Symbol.asyncIterator]()
  t.equal((await lines.next()).value, 'ready')

  await openServiceManager({ NOTIFY_SOCKET: path }).notify('READY=1', 'STATUS=polls')

  t.match((await lines.next()).value, /READY=1 STATUS=polls/)
})

t.test('the watchdog is the one that the environment names, in milliseconds', async (t) => {
  t.equal(openServiceManager({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '180000000' }).watchdogMs, 180_000)
  t.equal(openServiceManager({ NOTIFY_SOCKET: '/run/x' }).watchdogMs, null)
})

t.test('without a service manager nobody is told, and there is no watchdog', async (t) => {
  const manager = openServiceManager({ WATCHDOG_USEC: '180000000' })

  await manager.notify('READY=1')

  t.equal(manager.watchdogMs, null)
})
