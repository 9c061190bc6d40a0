import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Added, layersOf, mountLayers, type Release } from './base-image.ts'
import { type FollowedLog, followLog } from './followed-log.ts'
import { addressOf } from './network.ts'
import { environment, run } from './run.ts'

/** A Debian under systemd, in a container of its own; its files outlive a power cut. */
export interface Machine {
  /** Runs an argv on it; throws where it fails. */
  run(...argv: readonly [string, ...string[]]): Promise<string>
  /** The lines of the journal of both halves of the agent, from now on. */
  follow(): Promise<FollowedLog>
  read(path: string): Promise<string>
  write(path: string, contents: string | Uint8Array, mode?: number): Promise<void>
  /** Kills its first process, and all others with it. */
  cutPower(): Promise<void>
  boot(): Promise<void>
  /** Takes its cable out, or puts it back. */
  cable(state: 'up' | 'down'): Promise<void>
  remove(): Promise<void>
}

/** How a machine is to be. */
export interface MachineOptions {
  readonly release: Release
  readonly hostname: string
  /** Its address ends with it. */
  readonly number: number
  /** From {@link openSwitch}. */
  readonly bridge: string
  readonly hosts: string
  /** What it has beside the base image; left out: nothing. */
  readonly added?: Added
}

/** Makes a machine from the base image, and boots it. */
export async function openMachine(options: MachineOptions): Promise<Machine> {
  const dir = await mkdtemp(join(tmpdir(), 'waxseal-host-'))
  const machine = new Container(dir, options)
  await machine.prepare()
  await machine.boot()
  return machine
}

class Container implements Machine {
  readonly #dir: string
  readonly #options: MachineOptions
  readonly #name: string
  #nspawn: ChildProcess | null = null
  #pid = 0

  constructor(dir: string, options: MachineOptions) {
    this.#dir = dir
    this.#options = options
    // The name of its network interface has 15 characters at most.
    this.#name = `wx${process.pid % 1_000_000}${options.number}`
  }

  async prepare(): Promise<void> {
    const { release, hostname, number, hosts, added = {} } = this.#options
    await mountLayers(await layersOf(release, added), this.#dir)
    await this.write('/etc/machine-id', (await run(['systemd-id128', 'new'])).trim())
    await this.write('/etc/hostname', `${hostname}\n`)
    await this.write('/etc/hosts', `127.0.0.1 localhost\n::1 localhost\n${hosts}`)
    // Nobody advertises a route here: a boot would wait 12 s for one.
    const network = `[Network]\nAddress=${addressOf(number)}/24\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n`
    await this.write('/etc/systemd/network/10-host0.network', `[Match]\nName=host0\n${network}`)
    await mkdir(join(this.#dir, 'root/var/log/journal'), { recursive: true })
    await run(['systemctl', `--root=${this.#dir}/root`, 'enable', 'systemd-networkd.service'])
  }

  async boot(): Promise<void> {
    const flags = `-b -D ${this.#dir}/root --machine=${this.#name} --register=no --keep-unit --capability=all`
    const nspawn = spawn(
      'systemd-nspawn',
      [...flags.split(' '), '--system-call-filter=bpf', '--console=pipe', `--network-bridge=${this.#options.bridge}`],
      {
        stdio: 'ignore',
        detached: true,
        env: { PATH: process.env['PATH'], SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
      },
    )
    this.#nspawn = nspawn
    const ended = once(nspawn, 'close').then(() => {
      throw new Error('the machine did not boot')
    })
    await Promise.race([ended, this.#booted(nspawn)])
    ended.catch(() => {})
  }

  /** Its first process comes up, then its service manager, then the units that it starts at boot. */
  async #booted(nspawn: ChildProcess): Promise<void> {
    for (;;) {
      const child = await run(['ps', '-o', 'pid=', '--ppid', String(nspawn.pid)]).catch(() => '')
      this.#pid = Number(child.trim())
      const state = this.#pid === 0 ? '' : await this.#systemState()
      if (state === 'running' || state === 'degraded') return
      await delay(200)
    }
  }

  async #systemState(): Promise<string> {
    const argv = ['sh', '-c', 'systemctl is-system-running --wait || true'] as const
    return (await this.run(...argv).catch(() => '')).trim()
  }

  async run(...argv: readonly [string, ...string[]]): Promise<string> {
    return run([...this.#inside(), ...argv])
  }

  async follow(): Promise<FollowedLog> {
    return followLog(this.#inside(), ['waxseal', 'waxseal-deploy'])
  }

  /** What starts a command on the machine. tap puts its loader into the environment of each child; there is none there. */
  #inside(): [string, ...string[]] {
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    return ['nsenter', '-t', String(this.#pid), '-a', 'env', '-i', ...variables]
  }

  async read(path: string): Promise<string> {
    return readFile(join(this.#dir, 'root', path), 'utf8')
  }

  async write(path: string, contents: string | Uint8Array, mode = 0o644): Promise<void> {
    const file = join(this.#dir, 'root', path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, contents, { mode })
  }

  async cutPower(): Promise<void> {
    if (this.#nspawn === null) return
    const nspawn = this.#nspawn
    this.#nspawn = null
    const closed = once(nspawn, 'close')
    process.kill(this.#pid, 'SIGKILL')
    await closed
  }

  async cable(state: 'up' | 'down'): Promise<void> {
    await run(['ip', 'link', 'set', `vb-${this.#name}`, state])
  }

  async remove(): Promise<void> {
    await this.cutPower()
    await run(['umount', join(this.#dir, 'root')])
    await rm(this.#dir, { recursive: true })
  }
}
