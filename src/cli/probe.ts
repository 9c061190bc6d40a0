import { Command, InvalidArgumentError, Option } from 'commander'
import { hintFor } from '../agent/name-file.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { readBounded } from '../host/read-bounded.ts'
import type { Certificate } from '../material/material.ts'
import { parseCertificates } from '../material/parse-certificate.ts'
import { type Probe, type ProbeProtocol, probeProtocols } from '../plan/plan.ts'
import { protocolOfPort } from '../plan/protocol-of-port.ts'
import { type Look, probeOnce } from '../verify/probe-once.ts'
import { print, printJson } from './print.ts'

interface ProbeOptions {
  readonly config?: string
  readonly protocol: ProbeProtocol | 'auto'
  readonly servername?: string
  readonly expect?: string
  readonly timeout: number
  readonly json?: true
}

interface Address {
  readonly host: string
  readonly port: number
}

/** `waxseal probe`: what is served at an address, right now. */
export function probeCommand(): Command {
  return new Command('probe')
    .description('Show which certificate is served at an address, right now.')
    .argument('<host:port>', 'for example mail.example.net:25, [::1]:993', parseAddress)
    .addOption(
      new Option('--protocol <name>', 'what the port speaks').choices(['auto', ...probeProtocols]).default('auto'),
    )
    .option('--servername <name>', 'the name to ask for (SNI); the host where it is a name')
    .option('--expect <sha256|file>', 'the leaf that should be served: its SHA-256, or a PEM file')
    .option('--timeout <seconds>', 'time limit', parseSeconds, 10)
    .option('--config <file>', 'configuration; nothing of it is needed here')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit status: 0 served (and as expected), 3 another leaf, 1 unreachable, 2 usage.')
    .action(runProbe)
}

async function runProbe({ host, port }: Address, options: ProbeOptions): Promise<void> {
  const protocol = options.protocol === 'auto' ? protocolOfPort(port) : options.protocol
  const name = /^[\d.]+$|:/.test(host) ? null : host
  const probe: Probe = {
    host,
    port,
    protocol,
    servername: options.servername ?? name,
    keyType: null,
    timeoutMs: options.timeout * 1000,
  }
  const expected = options.expect === undefined ? null : await expectedLeaf(options.expect)
  const look = await probeOnce(probe)
  const chain = look.certificates.map((der) => pemOf(der)).flatMap((pem) => parseCertificates(pem))
  const isMatch = expected === null ? null : look.leaf?.sha256 === expected
  if (options.json === true) printJson(document(probe, look, chain, expected, isMatch))
  else print(...describe(probe, look, chain, expected, isMatch))
  if (options.protocol === 'auto' && look.leaf === null && !look.error?.startsWith('connect'))
    process.stderr.write(`The port number suggests ${protocol}; --protocol says what it speaks if that is wrong.\n`)
  process.exitCode = look.leaf === null ? 1 : isMatch === false ? 3 : 0
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65535)
    throw new InvalidArgumentError('It is not HOST:PORT or [ADDRESS]:PORT.')
  return { host, port }
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 3600) return seconds
  throw new InvalidArgumentError('It is not a number of seconds between 0 and 3600.')
}

async function expectedLeaf(expect: string): Promise<string> {
  const digest = expect.toLowerCase().replaceAll(':', '')
  if (/^[0-9a-f]{64}$/.test(digest)) return digest
  const bytes = await readBounded(expect, 1024 * 1024).catch(() => null)
  if (bytes === null)
    throw new WaxsealError('CONFIG_INVALID', {
      path: '--expect',
      reason: 'it is neither a SHA-256 nor a file',
      value: expect,
    })
  try {
    return parseCertificates(bytes)[0]?.sha256 ?? ''
  } catch (error) {
    const coded = asWaxsealError(error)
    const reason = coded.details['reason'] ?? 'it holds no certificate'
    const hint = hintFor(coded, expect)
    throw new WaxsealError('CONFIG_INVALID', { path: '--expect', file: expect, reason, hint }, { cause: error })
  }
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
}

function document(
  probe: Probe,
  look: Look,
  chain: readonly Certificate[],
  expected: string | null,
  isMatch: boolean | null,
): object {
  const certificates = chain.map(({ pem: _, der: __, spki: ___, ...facts }) => facts)
  const { tlsVersion, ms, phases, error } = look
  return { ...probe, tlsVersion, ms, phases, error, certificates, expected, match: isMatch }
}

function describe(
  probe: Probe,
  look: Look,
  [leaf, ...rest]: readonly Certificate[],
  expected: string | null,
  isMatch: boolean | null,
): readonly string[] {
  const where = `${probe.protocol} ${probe.host}:${probe.port}`
  if (leaf === undefined) return [`${where}: no certificate was seen (${look.error})`]
  const days = Math.floor((Date.parse(leaf.notAfter) - Date.now()) / 86_400_000)
  return [
    `${where}: ${look.tlsVersion}, ${look.ms} ms`,
    `  subject     ${leaf.subject}`,
    `  names       ${leaf.names.join(', ')}`,
    `  issuer      ${leaf.issuer}`,
    `  valid       ${leaf.notBefore} to ${leaf.notAfter} (${days < 0 ? 'expired' : `${days} days left`})`,
    `  key         ${leaf.keyType}, SPKI SHA-256 ${leaf.spkiSha256}`,
    `  SHA-256     ${leaf.sha256}`,
    `  chain       ${rest.length} more certificate${rest.length === 1 ? '' : 's'}`,
    `  phases      ${look.phases.map(({ name, ms }) => `${name} ${ms} ms`).join(', ')}`,
    ...(isMatch === null ? [] : [isMatch ? '  match       yes' : `  match       NO: expected ${expected}`]),
  ]
}
