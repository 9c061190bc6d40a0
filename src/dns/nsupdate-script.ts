import { WaxsealError } from '../error/waxseal-error.ts'
import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import { asName } from './name.ts'
import type { RecordChange } from './record-change.ts'

/** Where `nsupdate` sends its updates (RFC 2136), signed with TSIG. */
export interface NsupdateServer {
  /** An address or a name: the primary server of the zone. */
  readonly server: string
  readonly port: number
  /** BIND's own form: `key "NAME" { algorithm …; secret …; };`. */
  readonly keyFile: string
}

/** What `nsupdate` reads: one request with all changes, which are plain (`requirePlain`). DNS_UPDATE_FAILED: the rest is not plain. */
export function nsupdateScript(
  changes: readonly RecordChange[],
  zone: string,
  { server, port }: NsupdateServer,
): string {
  const isServer = asName(server) !== null || (isAddressOrNetwork(server) && !server.includes('/'))
  if (!isServer || !Number.isInteger(port) || asName(zone) !== zone)
    throw new WaxsealError('DNS_UPDATE_FAILED', { reason: 'this is no server or no zone' })
  const lines = changes.map(({ change, name, type, value, ttl }) => {
    const data = type === 'TXT' ? `"${value}"` : value
    return change === 'add' ? `update add ${name}. ${ttl} ${type} ${data}` : `update delete ${name}. ${type} ${data}`
  })
  return [`server ${server} ${port}`, `zone ${zone}.`, ...lines, 'send', ''].join('\n')
}
