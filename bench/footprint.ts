import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { request } from 'undici'
import { bundle } from '../packaging/bundle.ts'
import { lineOf } from '../src/documents/ask.ts'
import { freePorts, makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { startProcess, type WaxsealProcess } from '../test/support/process.ts'
import { type Site, startSite } from '../test/support/site.ts'

const starts = 9
const polls = 10
const root = new URL('..', import.meta.url).pathname

/**
 * Figures of one run of the bundle, which is what the package installs: each is told as a ratio to a bare process of the same runtime on
 * the same machine.
 */
interface Footprint {
  readonly polls: number
  readonly bareRssMb: number
  readonly idleRssMb: number
  readonly rssRatio: number
  /** Of the bare process and of the agent, in turns; the medians are told. */
  readonly starts: number
  readonly bareStartMs: number
  readonly readyMs: number
  /** From the start of a deployer to its first answer. */
  readonly deployerMs: number
  readonly startRatio: number
  readonly idleCpuMsPerMinute: number
  readonly packageMb: number | null
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, minutes: { type: 'string', default: '1' } },
})
const figures = await measure(Number(values.minutes))
process.stdout.write(`${values.json ? JSON.stringify(figures, null, 2) : lines(figures).join('\n')}\n`)

async function measure(minutes: number): Promise<Footprint> {
  const dist = await makeTemporaryFolder('waxseal-bundle-')
  await bundle(root, dist)
  for (const program of ['courier', 'deployer'])
    await promisify(execFile)(process.execPath, [join(dist, 'cache-code.cjs'), program], { env: {} })
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const site = await startSite({
    status: { listen: `127.0.0.1:${port}` },
    poll_interval: '1s',
    poll_wait: 'off',
    heartbeat_interval: '60s',
    drift_watch: 'hourly',
  })
  await deployOnce(site)
  const { options, env } = await unitCommand()
  const config = ['--config', join(site.dir, 'waxseal.yaml')]
  const start = [process.execPath, ...options, join(dist, 'start.cjs')] as const
  const socket = join(dist, 'deployer')
  const courier = [...start, 'courier', ...config, '--deployer', socket] as const
  const coldStarts: number[] = []
  for (let count = 0; count < starts; count += 1) {
    const { deployer, ms } = await startDeployer([...start, 'deployer', ...config, '--socket', socket], socket)
    coldStarts.push(ms)
    deployer.kill('SIGTERM')
    deployer.kill('SIGTERM')
    await deployer.exited
  }
  const { deployer } = await startDeployer([...start, 'deployer', ...config, '--stay', '--socket', socket], socket)
  const withAgent = async <Figures>(use: (agent: WaxsealProcess) => Promise<Figures>): Promise<Figures> => {
    const agent = startProcess(courier, env)
    try {
      await agent.waitFor(({ msg }) => msg === 'agent starts')
      while (!(await isReady(url))) await nextTurn(5)
      return await use(agent)
    } finally {
      agent.kill('SIGTERM')
      await agent.exited
    }
  }
  try {
    const bare: Bare[] = []
    const ready: number[] = []
    for (let start = 0; start < starts; start += 1) {
      bare.push(await bareProcess())
      const started = performance.now()
      ready.push(await withAgent(async () => performance.now() - started))
    }
    const bareStartMs = median(bare.map(({ startMs }) => startMs))
    const bareRssMb = median(bare.map(({ rssMb }) => rssMb))
    const readyMs = median(ready)
    const idle = await withAgent(async ({ pid }) => measureIdle(pid, url, minutes))
    return {
      polls,
      bareRssMb,
      ...idle,
      rssRatio: ratio(idle.idleRssMb, bareRssMb),
      starts,
      bareStartMs: Math.round(bareStartMs),
      readyMs: Math.round(readyMs),
      deployerMs: Math.round(median(coldStarts)),
      startRatio: ratio(readyMs, bareStartMs),
      packageMb: await packageMb(),
    }
  } finally {
    deployer.kill('SIGTERM')
    deployer.kill('SIGTERM')
    await deployer.exited
    await site.close()
    await removeTree(dist)
  }
}

/** Starts one; `ms` until it has answered a first line. */
async function startDeployer(
  command: readonly [string, ...string[]],
  socket: string,
): Promise<{ readonly deployer: WaxsealProcess; readonly ms: number }> {
  const started = performance.now()
  const deployer = startProcess(command, {})
  while (!(await answers(socket))) await nextTurn(2)
  return { deployer, ms: performance.now() - started }
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    socket.write(lineOf({ ask: 'answers', seen: null, after: null, waitMs: 0 }))
    const [line] = (await once(socket, 'data')) as [Buffer]
    return !line.includes('"error"')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A host that has its certificate, as nearly every start finds it. */
async function deployOnce(site: Site): Promise<void> {
  const agent = site.startAgent()
  await site.request()
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
  agent.kill('SIGTERM')
  await agent.exited
}

/** Memory after the polls, then the processor's time while nothing happens but polls. */
async function measureIdle(
  pid: number,
  url: string,
  minutes: number,
): Promise<Pick<Footprint, 'idleRssMb' | 'idleCpuMsPerMinute'>> {
  await seePolls(url, polls)
  const idleRssMb = await rssMb(pid)
  const before = await cpuMs(pid)
  await nextTurn(minutes * 60_000)
  return { idleRssMb, idleCpuMsPerMinute: Math.round(((await cpuMs(pid)) - before) / minutes) }
}

interface Bare {
  /** From its start to its first line. */
  readonly startMs: number
  /** When it has written it. */
  readonly rssMb: number
}

/** The runtime with nothing in it. */
async function bareProcess(): Promise<Bare> {
  const started = performance.now()
  const child = spawn(process.execPath, ['-e', 'console.log(); setInterval(() => {}, 1e6)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  const startMs = performance.now() - started
  const mb = await rssMb(child.pid ?? 0)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { startMs, rssMb: mb }
}

/** The options of the runtime and the environment that the unit sets. */
async function unitCommand(): Promise<{ readonly options: readonly string[]; readonly env: Record<string, string> }> {
  const unit = await readFile(join(root, 'systemd/waxseal.service'), 'utf8')
  const command = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? ''
  const env = [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])
  return { options: command.split(' ').filter((word) => word.startsWith('--')), env: Object.fromEntries(env) }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${url}/readyz`)
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  }
}

async function seePolls(url: string, count: number): Promise<void> {
  const seen = new Set<string>()
  while (seen.size < count) {
    const { body } = await request(`${url}/status`)
    const { controlPlane } = (await body.json()) as { readonly controlPlane: { readonly lastPoll: string } }
    seen.add(controlPlane.lastPoll)
    await nextTurn()
  }
}

function nextTurn(ms = 100): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** VmRSS of proc(5). */
async function rssMb(pid: number): Promise<number> {
  const kb = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kb) / 102.4) / 10
}

/** User and system time of proc(5), in ticks of 10 ms. */
async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function packageMb(): Promise<number | null> {
  const names = await readdir(join(root, 'dist')).catch(() => [])
  const deb = names.find((name) => name.endsWith('.deb'))
  return deb === undefined ? null : Math.round((await stat(join(root, 'dist', deb))).size / 1e5) / 10
}

function median(figures: readonly number[]): number {
  return figures.toSorted((one, other) => one - other)[Math.floor(figures.length / 2)] ?? Number.NaN
}

function ratio(one: number, other: number): number {
  return Number((one / other).toFixed(2))
}

function lines(one: Footprint): readonly string[] {
  return [
    `memory after ${one.polls} polls   ${one.idleRssMb} MB, a bare process ${one.bareRssMb} MB: × ${one.rssRatio} (aim 1.75)`,
    `start to ready         ${one.readyMs} ms, a bare process ${one.bareStartMs} ms: × ${one.startRatio} (aim 5), medians of ${one.starts}`,
    `cold start of the deployer ${one.deployerMs} ms (aim 250), the median of ${one.starts}`,
    `processor while idle   ${one.idleCpuMsPerMinute} ms a minute, a poll a second`,
    `package                ${one.packageMb === null ? 'not built: npm run package' : `${one.packageMb} MB`}`,
  ]
}
