import { join } from 'node:path'
import { writeText } from '../../host/file/plain-files.ts'
import { startStarttlsServer } from '../../host/socket/starttls-server.ts'
import type { Daemon } from './daemon.ts'
import type { FirstPair } from './postfix-instance.ts'

/** Starts a small STARTTLS server below `dir`. It reads its files for each connection, so no command does anything. */
export async function startStandIn(dir: string, pair: FirstPair): Promise<Daemon> {
  const certPath = join(dir, 'cert.pem')
  const keyPath = join(dir, 'key.pem')
  await writeText(certPath, pair.certificatePem)
  await writeText(keyPath, pair.keyPem, 0o600)
  const [smtp, smtps] = await Promise.all([
    startStarttlsServer('smtp', { certPath, keyPath }),
    startStarttlsServer('tls', { certPath, keyPath }),
  ])
  return {
    name: 'stand-in',
    certPath,
    keyPath,
    ports: [
      { name: 'smtp', port: smtp.port, protocol: 'smtp' },
      { name: 'smtps', port: smtps.port, protocol: 'tls' },
    ],
    check: ['true'],
    reload: ['true'],
    stop: async () => {
      await Promise.all([smtp.close(), smtps.close()])
    },
  }
}
