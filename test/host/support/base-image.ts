import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

const cache = '/var/cache/waxseal-test'
const packages = 'systemd,systemd-sysv,dbus,procps,iproute2,openssl,ca-certificates,postfix,dovecot-imapd,dovecot-pop3d'

/** The Debian that is booted: 12 with Dovecot 2.3 or 13 with Dovecot 2.4. */
export type Release = 'bookworm' | 'trixie'

/** A fresh Debian with Postfix and Dovecot, made once per machine; nobody writes into it. Returns its folder. */
export async function baseImage(release: Release): Promise<string> {
  const image = join(cache, release)
  if (await exists(image)) return image
  const growing = join(cache, `${release}.new`)
  await rm(growing, { recursive: true, force: true })
  await mkdir(cache, { recursive: true })
  await run(['debootstrap', '--variant=minbase', `--include=${packages}`, release, growing, ...(await mirror())])
  await rename(growing, image)
  return image
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
