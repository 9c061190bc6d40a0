import { access, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

const cache = '/var/cache/waxseal-test'
const packages = 'systemd,systemd-sysv,dbus,procps,iproute2,openssl,ca-certificates,postfix,dovecot-imapd,dovecot-pop3d'

/** Dpkg waits for the disk at each file; an image whose making was cut off is made anew. */
const notSynced = 'DPKG_FORCE=unsafe-io'

/** The Debian that is booted: 12 with Dovecot 2.3 or 13 with Dovecot 2.4. */
export type Release = 'bookworm' | 'trixie'

/** A fresh Debian with Postfix and Dovecot, made once per machine; nobody writes into it. Returns its folder. */
export async function baseImage(release: Release): Promise<string> {
  const image = join(cache, release)
  if (await exists(image)) return image
  const growing = join(cache, `${release}.new`)
  await rm(growing, { recursive: true, force: true })
  await mkdir(cache, { recursive: true })
  const debootstrap = ['debootstrap', '--variant=minbase', `--include=${packages}`, release, growing] as const
  await run(['env', notSynced, ...debootstrap, ...(await mirror())])
  await rename(growing, image)
  return image
}

/** What a machine has beside the base image. */
export interface Added {
  readonly installed?: readonly string[]
  /** Fetched alone: `apt install` finds them on the machine, which has no way to Debian. */
  readonly fetched?: readonly string[]
}

/** The folders of which a machine is made, the lowest last. What is added is one of its own, made once per machine; nothing of it has run. */
export async function layersOf(release: Release, { installed = [], fetched = [] }: Added): Promise<readonly string[]> {
  const base = await baseImage(release)
  if (installed.length + fetched.length === 0) return [base]
  const layer = join(cache, `${[release, ...installed].join('+')}${fetched.map((name) => `-${name}`).join('')}`)
  if (await exists(layer)) return [layer, base]
  const growing = `${layer}.new`
  // A run that was killed has left it mounted.
  await run(['umount', join(growing, 'root')]).catch(() => '')
  await rm(growing, { recursive: true, force: true })
  await mountLayers([base], growing)
  await add(join(growing, 'root'), { installed, fetched })
  await run(['umount', join(growing, 'root')])
  for (const file of borrowed) await rm(join(growing, 'upper', file))
  await rename(join(growing, 'upper'), layer)
  await rm(growing, { recursive: true })
  return [layer, base]
}

/** Mounts the folders at `dir/root`; what is written there is kept in `dir/upper`. */
export async function mountLayers(layers: readonly string[], dir: string): Promise<void> {
  for (const folder of ['upper', 'work', 'root']) await mkdir(join(dir, folder), { recursive: true })
  const options = `lowerdir=${layers.join(':')},upperdir=${dir}/upper,workdir=${dir}/work`
  await run(['mount', '-t', 'overlay', 'overlay', '-o', options, join(dir, 'root')])
}

/** What a chroot needs of this machine to reach Debian. */
const borrowed = ['/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt'] as const

async function add(root: string, { installed, fetched }: Required<Added>): Promise<void> {
  for (const file of borrowed) await copyFile(file, join(root, file))
  const policy = join(root, 'usr/sbin/policy-rc.d')
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const get = 'apt-get install -y -qq --no-install-recommends'
  const script = [
    'apt-get update -qq',
    ...(installed.length === 0 ? [] : [`${get} ${installed.join(' ')}`, 'apt-get clean']),
    ...(fetched.length === 0 ? [] : [`${get} --download-only ${fetched.join(' ')}`]),
  ]
  await run(['chroot', root, 'env', notSynced, 'sh', '-ec', script.join('\n')])
  await rm(policy)
}

/** Where this machine has its own packages from; none: what debootstrap takes. */
async function mirror(): Promise<readonly string[]> {
  const sources = await run(['apt-get', 'indextargets', '--format', '$(REPO_URI)'])
  return sources
    .split('\n')
    .filter((source) => source.endsWith('/debian/'))
    .slice(0, 1)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
