import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Added, baseImage, type Release } from './base-image.ts'
import { type Machine, openMachine } from './machine.ts'
import { addressOf } from './network.ts'
import { run } from './run.ts'

/** A mail host and a control plane, each on a machine of its own, joined by a switch. */
export interface Site {
  readonly mail: Machine
  readonly control: Machine
  /** Both, as the pages call them: `certs`, `mail`. */
  readonly machines: Readonly<Record<string, Machine>>
  /** The switch, for another machine. */
  readonly bridge: string
  /** The package that `npm run package` made. */
  readonly deb: Uint8Array
  /** An operator's command on the control plane; its JSON. */
  operate<Answer>(...args: readonly string[]): Promise<Answer>
  close(): Promise<void>
}

const dist = fileURLToPath(new URL('../../../dist/', import.meta.url))
const hosts = `${addressOf(1)} certs.example.net certs\n${addressOf(2)} mail.example.net mail\n`

/**
 * Boots both; nothing of Waxseal is installed yet. With an address, this machine is at the switch, too. What is
 * added is on the machine of the control plane.
 */
export async function openSite(release: Release, address?: string, added: Added = {}): Promise<Site> {
  // What fails here leaves no machine behind.
  const deb = await readPackage()
  if (address !== undefined) await requireFree(address)
  const bridge = `wxb${process.pid}`
  await run(['ip', 'link', 'add', bridge, 'type', 'bridge'])
  if (address !== undefined) await run(['ip', 'address', 'add', `${address}/24`, 'dev', bridge])
  await run(['ip', 'link', 'set', bridge, 'up'])
  // Made once, before two ask for it at the same time.
  await baseImage(release)
  const [control, mail] = await Promise.all([
    openMachine({ release, hostname: 'certs', number: 1, bridge, hosts, added }),
    openMachine({ release, hostname: 'mail', number: 2, bridge, hosts }),
  ])
  return {
    mail,
    control,
    machines: { certs: control, mail },
    bridge,
    deb,
    operate: async <Answer>(...args: readonly string[]) =>
      JSON.parse(await control.run('waxseal', 'control-plane', ...args, '--json')) as Answer,
    close: async () => {
      await Promise.all([mail.remove(), control.remove()])
      await run(['ip', 'link', 'delete', bridge])
    },
  }
}

/** Two switches with one network: what one machine sends goes to those of the other. */
async function requireFree(address: string): Promise<void> {
  const there = (await run(['ip', '-o', 'address', 'show', 'to', address])).split(/\s+/)[1]
  if (there !== undefined && there !== '')
    throw new Error(
      `${address} is on ${there}, from a run that was killed: end its systemd-nspawn, and ip link delete ${there}`,
    )
}

/** The package that `npm run package` made. */
export async function readPackage(): Promise<Uint8Array> {
  return readFile(await packageFile())
}

async function packageFile(): Promise<string> {
  const architecture = (await run(['dpkg', '--print-architecture'])).trim()
  const found = (await readdir(dist)).find((name) => name.endsWith(`_${architecture}.deb`))
  if (found === undefined) throw new Error('there is no package: npm run package')
  return join(dist, found)
}
