import type { HostView } from '../host-view.ts'
import { isUnwired, type Unwired, type WiredFile, type Wiring } from './wiring.ts'

/** The file of the private key that a daemon reads together with a certificate file; or why it cannot be told. */
export async function keyBeside(
  wiring: Wiring | Unwired,
  certificate: string,
  host: HostView,
): Promise<{ readonly path: string } | { readonly reason: string }> {
  if (isUnwired(wiring)) return { reason: wiring.reason }
  const wanted = await host.identity(certificate)
  const keys = new Map<string, string>()
  for (const { files } of wiring.listeners) {
    for (const [index, file] of files.entries()) {
      if ((await host.identity(file.path)) !== wanted) continue
      const key = await keyOf(file, files[index - 1], files[index + 1], host)
      if (key !== null) keys.set(await host.identity(key), key)
    }
  }
  const [found, ...others] = keys.values()
  if (found === undefined) return { reason: `no listener reads ${certificate} together with a key` }
  if (others.length === 0) return { path: found }
  return { reason: `listeners read ${certificate} together with different keys: ${[...keys.values()].join(', ')}` }
}

/** A key follows its certificate; a file of several parts has it itself, or the file before has (postconf(5), `smtpd_tls_chain_files`). */
async function keyOf(
  { path, role }: WiredFile,
  before: WiredFile | undefined,
  after: WiredFile | undefined,
  host: HostView,
): Promise<string | null> {
  if (role === 'certificate') return after?.role === 'key' ? after.path : null
  if (role === 'key' || (await holdsKey(path, host))) return path
  const isBefore = before !== undefined && (before.role === 'key' || (await holdsKey(before.path, host)))
  return isBefore ? before.path : null
}

async function holdsKey(path: string, host: HostView): Promise<boolean> {
  const bytes = await host.readFile(path).catch(() => null)
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(new TextDecoder().decode(bytes ?? new Uint8Array()))
}
