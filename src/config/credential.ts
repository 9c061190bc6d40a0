import { join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { readSnapshot } from '../host/file/files.ts'
import type { ControlPlaneConfig } from './config.ts'
import type { Environment } from './load-config.ts'
import { requireOurs } from './require-ours.ts'

/**
 * The bearer credential: from the environment, the systemd credential `waxseal-credential`, or the credential file, the
 * first that is there. CONFIG_INVALID when there is none, or a file that others can read.
 */
export async function readCredential(config: ControlPlaneConfig, env: Environment): Promise<string> {
  for (const name of ['WAXSEAL_API_KEY', 'CERTCTL_API_KEY']) {
    const given = env[name]?.trim() ?? ''
    if (isCredential(given)) return given
    if (given !== '') throw invalid('', `${name}: ${notOneLine}`, `Set ${name} to the credential alone, or unset it.`)
  }
  const folder = env['CREDENTIALS_DIRECTORY']
  const fromSystemd = folder === undefined ? null : await readSecret(join(folder, 'waxseal-credential'), false)
  const { credentialFile } = config
  const credential = fromSystemd ?? (credentialFile === null ? null : await readOwnSecret(credentialFile))
  if (credential !== null) return credential
  throw invalid(
    credentialFile ?? '',
    'there is no credential',
    'Run waxseal enroll, or set control_plane.credential_file.',
  )
}

const notOneLine = 'it is not one line of printable characters'

function isCredential(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text)
}

/** Who can put another file in its place has the host speak to the control plane as somebody else. */
async function readOwnSecret(path: string): Promise<string | null> {
  const secret = await readSecret(path, true)
  if (secret !== null) await requireOurs(path, 'control_plane.credential_file')
  return secret
}

async function readSecret(path: string, isPrivate: boolean): Promise<string | null> {
  const snapshot = await readSnapshot(path).catch((error: Error) => {
    throw invalid(path, error.message, 'Make it a file that only the agent can read.')
  })
  if (snapshot === null) return null
  if (isPrivate && (snapshot.mode & 0o077) !== 0) throw invalid(path, 'others can read it', `Run chmod 0600 ${path}.`)
  const credential = Buffer.from(snapshot.bytes).toString('utf8').trim()
  // The unit gives an empty one where the host had none at the start.
  if (credential === '' && !isPrivate) return null
  if (isCredential(credential)) return credential
  throw invalid(path, notOneLine, 'Run waxseal enroll again.')
}

function invalid(file: string, reason: string, hint: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', { file, path: 'control_plane.credential_file', reason, hint })
}
