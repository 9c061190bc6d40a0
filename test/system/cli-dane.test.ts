import { join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-dane-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())
await plane.register('mail-1')
const { operate } = plane
const config = join(dir, 'target.json')
await writeText(config, '{}')
await operate('add-target', '--name', 'postfix', '--agent', 'mail-1', '--type', 'Postfix', '--target-config', config)

t.test('dane turns a roll-over on and off, and tells what is published and what is waited for', async (t) => {
  const name = '_25._tcp.mail.waxseal.invalid'
  t.match(await operate('dane'), { status: 0, stdout: /^No target has roll-over\.\nNext: .* --rollover\n$/ })
  t.match(await operate('dane', 'postfix'), { status: 1, stderr: /roll-over is not on for postfix/ })

  t.match(await operate('dane', 'postfix', '--rollover', '--record', name), {
    status: 0,
    stdout: `Roll-over is on. Deployments wait for the records at ${name}.\nNext: waxseal control-plane dane postfix\n`,
  })
  t.match((await operate('dane', 'postfix')).stdout, /^postfix on mail-1\n/)
  t.match(jsonOf<readonly object[]>(await operate('dane', '--json')), [{ target: 'postfix', names: [{ name }] }])

  t.match(await operate('dane', 'postfix', '--off'), { status: 0, stdout: /^Roll-over is off\. The records .* stay/ })
  t.match(await operate('dane', 'postfix', '--off'), { status: 1, stderr: /roll-over is not on/ })
})

t.test('a wrong word is refused with what is meant', async (t) => {
  t.match(await operate('dane', 'postfix', '--rollover', '--off'), {
    status: 2,
    stderr: /give --rollover or --off, not both/,
  })
  t.match(await operate('dane', '--rollover'), { status: 2, stderr: /name the target, too/ })
  t.match(await operate('dane', 'postfix', '--record', 'x'), { status: 2, stderr: /--record goes with --rollover/ })
  t.match(await operate('dane', 'postfx', '--rollover'), { status: 1, stderr: /is postfix meant\?/ })
  t.match(await operate('dane', 'postfix', '--rollover'), { status: 1, stderr: /say at which names its records are/ })
})
