import { isInNetwork } from '../wiring/address-in.ts'
import type { SettingsBlock } from './parse-settings.ts'

/** Which connections are meant. */
export interface Connection {
  /** `imap`, as in `protocol imap { … }`. */
  readonly protocol: string
  /** The address that was connected to. */
  readonly address: string
  /** The address that it comes from; null: none that has a `remote` of its own. */
  readonly client: string | null
  /** A name or pattern of `local_name`; null: no such block applies. */
  readonly servername: string | null
}

/** The settings of these connections: those outside all filters, then those inside each that applies, as doveconf(1) prints them. */
export function valuesFor(settings: SettingsBlock, connection: Connection): ReadonlyMap<string, string> {
  const inner = settings.blocks
    .filter((block) => applies(block, connection))
    .flatMap((block) => [...valuesFor(block, connection)])
  return new Map([...ownValues(settings), ...inner])
}

/** 2.4 prints `ssl_server { cert_file = … }` for `ssl_server_cert_file`. */
export function ownValues({ values, blocks }: SettingsBlock): ReadonlyMap<string, string> {
  const prefixed = blocks
    .filter(({ kind, name }) => kind === 'ssl_server' && name === '')
    .flatMap((inner) => [...inner.values].map(([name, value]) => [`ssl_server_${name}`, value] as const))
  return new Map([...values, ...prefixed])
}

function applies({ kind, name }: SettingsBlock, { protocol, address, client, servername }: Connection): boolean {
  if (kind === 'protocol') return name === protocol
  if (kind === 'local') return namesOf(name).some((network) => isInNetwork(address, network))
  if (kind === 'remote') return client !== null && namesOf(name).some((network) => isInNetwork(client, network))
  return kind === 'local_name' && servername !== null && namesOf(name).includes(servername)
}

/** A switch as Dovecot takes it: 2.3 prints `yes` and `no`, 2.4 the word as it was written. */
export function isYes(value: string | undefined): boolean {
  return /^(?:yes|y|1)$/i.test(value ?? '')
}

/** Whether any of these connections can have TLS. */
export function speaksTls({ kind, values, blocks }: SettingsBlock): boolean {
  const isFilter = ['', 'protocol', 'local', 'remote', 'local_name'].includes(kind)
  const ssl = values.get('ssl') ?? (kind === '' ? 'yes' : 'no')
  return isFilter && (ssl !== 'no' || blocks.some(speaksTls))
}

/** The names and patterns that have a `local_name` anywhere in these settings. */
export function servernamesOf(settings: SettingsBlock): readonly string[] {
  return namesOfKind(settings, 'local_name').flatMap(namesOf)
}

/** The single addresses that have a `local` anywhere in these settings. */
export function localAddressesOf(settings: SettingsBlock): readonly string[] {
  return namesOfKind(settings, 'local').filter((name) => /^[0-9.]+$|^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(name))
}

function namesOfKind({ blocks }: SettingsBlock, kind: string): readonly string[] {
  const found = blocks.flatMap((block) => [...(block.kind === kind ? [block.name] : []), ...namesOfKind(block, kind)])
  return [...new Set(found)]
}

/** 2.3 takes several names in one block. */
function namesOf(name: string): readonly string[] {
  return name.split(/\s+/).filter((one) => one !== '')
}
