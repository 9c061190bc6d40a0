import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

const cache = '/var/cache/waxseal-test'
const packages = 'systemd,systemd-sysv,dbus,procps,iproute2,openssl,ca-certificates,postfix,dovecot-imapd,dovecot-pop3d'

/** A fresh Debian with Postfix and Dovecot, made once per machine; nobody writes into it. Returns its folder. */
export async function baseImage(): Promise<string> {
  const image = join(cache, 'base')
  if (await exists(image)) return image
  const growing = join(cache, 'base.new')
  await rm(growing, { recursive: true, force: true })
  await mkdir(cache, { recursive: true })
  await run(['debootstrap', '--variant=minbase', `--include=${packages}`, 'bookworm', growing, ...(await mirror())])
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
