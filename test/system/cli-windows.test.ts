import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-windows-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())
await plane.register('mail-1')

t.test('window sets and removes the window of a label, and windows lists them', async (t) => {
  const { operate } = plane
  t.match(await operate('windows'), { status: 0, stdout: /^Renewals are held to no window: / })

  const set = ['window', 'set', 'role=mx', '--start', '0 2 * * *', '--for', '3h', '--time-zone', 'Europe/Berlin']
  t.match(await operate(...set), {
    status: 0,
    stdout:
      /^LABEL +START +FOR +TIME ZONE +AGENTS .*\nrole=mx +0 2 \* \* \* +3h +Europe\/Berlin +0 .*\n\nNo agent has this label: /,
  })
  await operate('label', 'mail-1', 'role=mx')
  t.match(jsonOf(await operate('windows', '--json')), [
    { label: 'role=mx', start: '0 2 * * *', for_s: 10_800, time_zone: 'Europe/Berlin', agents: 1 },
  ])
  t.match(await operate('window', 'remove', 'role=mw'), { status: 1, stderr: /is role=mx meant\?/ })
  t.match(jsonOf(await operate('window', 'remove', 'role=mx', '--json')), { label: 'role=mx', status: 'removed' })
  t.same(jsonOf(await operate('windows', '--json')), [])
})

t.test('a window that is none is refused with what to write', async (t) => {
  const { operate } = plane
  const set = (...options: readonly string[]) => operate('window', 'set', 'role=mx', ...options)

  t.match(await operate('window', 'set', 'mx', '--start', '0 2 * * *', '--for', '3h'), {
    status: 2,
    stderr: /It is no label: name=value/,
  })
  t.match(await set('--start', '0 2 * * *'), { status: 2, stderr: /--for/ })
  t.match(await set('--start', '0 2 * * *', '--for', '8d'), { status: 2, stderr: /from 1m to 7d/ })
  t.match(await set('--start', 'at night', '--for', '3h'), { status: 1, stderr: /five fields/ })
})
