import { spawn } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { bundle } from '../packaging/bundle.ts'
import { freePorts, makeTemporaryFolder, removeTree } from '../src/host/plain-files.ts'
import { startSite } from '../test/support/site.ts'

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
  readonly bareStartMs: number
  readonly readyMs: number
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
  const bare = await bareProcess()
  const dist = await makeTemporaryFolder('waxseal-bundle-')
  await bundle(root, dist)
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const polls = 10
  const site = await startSite({
    status: { listen: `127.0.0.1:${port}` },
    poll_interval: '1s',
    heartbeat_interval: '60s',
  })
  try {
    const started = performance.now()
    const agent = site.startAgent(join(dist, 'waxseal.mjs'), await unitEnvironment())
    await agent.waitFor(({ msg }) => msg === 'agent starts')
    while (!(await isReady(url))) await nextTurn(10)
    const readyMs = performance.now() - started
    await seePolls(url, polls)
    const idleRssMb = await rssMb(agent.pid)
    const before = await cpuMs(agent.pid)
    const until = performance.now() + minutes * 60_000
    while (performance.now() < until) await nextTurn()
    const idleCpuMsPerMinute = Math.round(((await cpuMs(agent.pid)) - before) / minutes)
    return {
      polls,
      bareRssMb: bare.rssMb,
      idleRssMb,
      rssRatio: ratio(idleRssMb, bare.rssMb),
      bareStartMs: Math.round(bare.startMs),
      readyMs: Math.round(readyMs),
      startRatio: ratio(readyMs, bare.startMs),
      idleCpuMsPerMinute,
      packageMb: await packageMb(),
    }
  } finally {
    await site.close()
    await removeTree(dist)
  }
}

/** The runtime with nothing in it: from its start to its first line, and its memory then. */
async function bareProcess(): Promise<{ readonly startMs: number; readonly rssMb: number }> {
  const started = performance.now()
  const child = spawn(process.execPath, ['-e', 'console.log(); setInterval(() => {}, 1e6)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const startMs = performance.now() - started
  const mb = await rssMb(child.pid ?? 0)
  child.kill('SIGKILL')
  return { startMs, rssMb: mb }
}

/** What the unit sets: `Environment=NAME=value`. */
async function unitEnvironment(): Promise<Record<string, string>> {
  const unit = await readFile(join(root, 'systemd/waxseal.service'), 'utf8')
  return Object.fromEntries(
    [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
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

function ratio(one: number, other: number): number {
  return Number((one / other).toFixed(2))
}

function lines(one: Footprint): readonly string[] {
  return [
    `memory after ${one.polls} polls   ${one.idleRssMb} MB, a bare process ${one.bareRssMb} MB: × ${one.rssRatio} (aim 1.6)`,
    `start to ready         ${one.readyMs} ms, a bare process ${one.bareStartMs} ms: × ${one.startRatio} (aim 5)`,
    `processor while idle   ${one.idleCpuMsPerMinute} ms a minute, a poll a second`,
    `package                ${one.packageMb === null ? 'not built: npm run package' : `${one.packageMb} MB`}`,
  ]
}
