import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { jsonOf } from '../support/run-waxseal.ts'
import { cutPower, type Disk, makeDisk, unlessMountable } from './support/disk.ts'
import { type FaultHost, openFaultHost } from './support/fault-host.ts'
import { shareOf } from './support/share.ts'
import { type CallPoint, pointsOf, runTraced } from './support/traced.ts'

const folder = await makeTemporaryFolder('waxseal-power-')
t.teardown(() => removeWhenQuiet(folder))
t.setTimeout(900_000)
t.jobs = 2

/** What changes a disk. The power is cut right before each of these calls: after each fsync, and between them. */
const calls = ['fsync', 'link', 'rename', 'unlink', 'mkdir', 'rmdir', 'symlink']

const skip = await unlessMountable(folder)
const layouts = { files: 'replacement', generation: 'a switch of generations' } as const
const counts = { one: 'on one disk', two: 'with the state directory on a disk of its own' } as const

for (const layout of ['files', 'generation'] as const) {
  for (const count of ['two', 'one'] as const) {
    const title = `no power cut during ${layouts[layout]} ${counts[count]} leaves anything but a whole pair`
    t.test(title, { skip, buffered: true, timeout: 900_000 }, async (t) => {
      const { host, disks, close } = await openMachine(`${layout}-${count}`, layout, count)
      t.teardown(close)
      const points = await pointsOfDeployment(host, disks)

      const found: string[] = []
      for (const point of shareOf(points)) found.push(...(await violationsAt(point, host, disks)))

      t.comment(`${shareOf(points).length} cut points, ${found.length} violations`)
      t.ok(points.length >= 25, 'every call that changes the disk is cut off')
      t.same(found, [])
    })
  }
}

t.test('a result that was told survives a power cut right after it', { skip, buffered: true }, async (t) => {
  const { host, disks, close } = await openMachine('told', 'files', 'two')
  t.teardown(close)
  await boot(disks)

  const ran = await host.deploy()
  await lose(disks)

  t.match(jsonOf(ran), { outcome: 'deployed' })
  t.equal(await host.leafOnDisk(), host.newPair.sha256)
  t.same(await host.violations(), [])
  t.match(jsonOf(await host.deploy()), { outcome: 'unchanged' })
  await halt(disks)
})

t.test(
  'without the fsync of the folders a power cut does leave something: this suite would see it',
  { skip, buffered: true, timeout: 900_000 },
  async (t) => {
    const { host, disks, close } = await openMachine('broken', 'files', 'two')
    t.teardown(close)
    const broken = await brokenCopy(join(folder, 'copy'))

    const found: string[] = []
    for (let n = 1; n <= 7; n += 1) found.push(...(await violationsAt({ name: 'rename', n }, host, disks, broken)))
    found.push(...(await violationsAt({ name: 'unlink', n: 4 }, host, disks, broken)))

    t.not(found.length, 0)
    t.comment(found.join('\n'))
  },
)

/** A host on ext4, with its old pair, switched off. */
async function openMachine(
  name: string,
  layout: FaultHost['layout'],
  count: keyof typeof counts,
): Promise<{ readonly host: FaultHost; readonly disks: readonly Disk[]; close(): Promise<void> }> {
  const dir = join(folder, name)
  await mkdir(dir)
  const one = await makeDisk(join(dir, 'one.img'), join(dir, 'one'))
  const two = count === 'one' ? one : await makeDisk(join(dir, 'two.img'), join(dir, 'two'))
  const disks = [...new Set([one, two])]
  const host = await openFaultHost({ dir, layout, live: join(one.path, 'live'), state: join(two.path, 'state') })
  for (const disk of disks) await disk.mount()
  await host.install()
  for (const disk of disks) {
    await disk.unmount()
    await disk.keep()
  }
  return { host, disks, close: () => host.close() }
}

async function boot(disks: readonly Disk[]): Promise<void> {
  for (const disk of disks) {
    await disk.reset()
    await disk.mount()
  }
}

async function halt(disks: readonly Disk[]): Promise<void> {
  for (const disk of disks) await disk.unmount()
}

/** Power off and on. */
async function lose(disks: readonly Disk[]): Promise<void> {
  await cutPower(disks)
  for (const disk of disks) {
    await disk.unmount()
    await disk.mount()
  }
}

async function pointsOfDeployment(host: FaultHost, disks: readonly Disk[]): Promise<readonly CallPoint[]> {
  await boot(disks)
  const { points } = await pointsOf(calls, join(host.dir, 'strace.log'), host.deployArgs)
  await halt(disks)
  return points
}

/** Cuts the power right before one call, recovers, deploys once more, and tells what was wrong in between. */
async function violationsAt(
  point: CallPoint,
  host: FaultHost,
  disks: readonly Disk[],
  program?: string,
): Promise<readonly string[]> {
  await boot(disks)
  const inject = `--inject=${point.name}:signal=KILL:when=${point.n}`
  const killed = await runTraced(['--output=/dev/null', `--trace=${point.name}`, inject], host.deployArgs, program)
  await lose(disks)
  const recovered = await host.recover()
  const found = [...(await host.violations())]
  if (killed.status !== 'SIGKILL') found.push(`the deployment was not killed: ${killed.status}`)
  if (recovered.status !== 0) found.push(`recovery: ${recovered.stdout}${recovered.stderr}`)
  const again = await host.deploy()
  if (again.status !== 0) found.push(`the next deployment: ${again.stdout}${again.stderr}`)
  else if ((await host.leafOnDisk()) !== host.newPair.sha256) found.push('the next deployment left the old pair')
  found.push(...(await host.violations()))
  await halt(disks)
  return found.map((what) => `${point.name} ${point.n}: ${what}`)
}

/** The program which makes no folder durable; returns its main file. */
async function brokenCopy(copy: string): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  await mkdir(copy)
  await cp(join(root, 'src'), join(copy, 'src'), { recursive: true })
  await cp(join(root, 'package.json'), join(copy, 'package.json'))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [name, call] of [
    ['files', 'await handle.sync()'],
    ['folder/open-folder', 'await readable.sync()'],
  ] as const) {
    const file = join(copy, `src/host/file/${name}.ts`)
    const source = await readFile(file, 'utf8')
    const broken = source.replace(call, 'await Promise.resolve()')
    if (broken === source) throw new Error(`${name}.ts has no ${call}`)
    await writeFile(file, broken)
  }
  return join(copy, 'src/main.ts')
}
