import { Command, InvalidArgumentError, Option } from 'commander'
import { hintFor } from '../../deployer/propose/name-file.ts'
import { nearest } from '../../error/nearest.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { readBounded } from '../../host/file/read-bounded.ts'
import { systemRoots } from '../../host/system-roots.ts'
import type { Certificate } from '../../material/material.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import { type Probe, type ProbeProtocol, probeProtocols } from '../../plan/plan.ts'
import { protocolOfPort } from '../../plan/protocol-of-port.ts'
import { type Look, probeOnce } from '../../verify/probe-once.ts'
import { digestOf } from '../../verify/served-chain.ts'
import { readCa } from '../control-plane/read-ca.ts'
import { print, printJson } from '../print/print.ts'
import { type Trust, trustOf } from '../print/trust.ts'

interface ProbeOptions {
  readonly config?: string
  readonly protocol: ProbeProtocol | 'auto'
  readonly servername?: string
  readonly expect?: string
  readonly caFile?: string
  readonly proxy?: 'v1' | 'v2'
  readonly timeout: number
  readonly json?: true
}

interface Address {
  readonly host: string
  readonly port: number
}

/** A certificate that is served; or why it cannot be read. */
type ServedCertificate = Certificate | { readonly sha256: string; readonly unreadable: string }

/** All that is told of one look. */
interface Facts {
  readonly probe: Probe
  readonly look: Look
  /** Leaf first. */
  readonly chain: readonly ServedCertificate[]
  readonly trust: Trust | null
  readonly expected: string | null
  readonly isMatch: boolean | null
  /** What to try in place of this; null: nothing. */
  readonly hint: string | null
}

/** `waxseal probe`: what is served at an address, right now. */
export function probeCommand(): Command {
  return new Command('probe')
    .description('Show which certificate is served at an address, right now.')
    .argument('<host:port>', 'for example mail.example.net:25, [::1]:993', parseAddress)
    .addOption(
      anyCase(new Option('--protocol <name>', 'what the port speaks'), ['auto', ...probeProtocols]).default('auto'),
    )
    .option('--servername <name>', 'the name to ask for (SNI); the host where it is a name')
    .option('--expect <sha256|file>', 'the leaf that should be served: its SHA-256, or a PEM file')
    .option('--ca-file <file>', "the roots to trust (PEM); the system's without it")
    .addOption(anyCase(new Option('--proxy <version>', 'the PROXY header that the port wants first'), ['v1', 'v2']))
    .option('--timeout <seconds>', 'time limit', parseSeconds, 10)
    .option('--config <file>', 'configuration; nothing of it is needed here')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit status: 0 served (and as expected), 3 another leaf, 1 unreachable, 2 usage.')
    .action(runProbe)
}

/** One of these words, in any case: people write SMTP and IMAP. */
function anyCase(option: Option, words: readonly string[]): Option {
  return option.choices(words).argParser((text) => {
    const word = text.toLowerCase()
    if (words.includes(word)) return word
    const meant = nearest(text, words)
    throw new InvalidArgumentError(
      `Allowed choices are ${words.join(', ')}.${meant === null ? '' : ` Is ${meant} meant?`}`,
    )
  })
}

async function runProbe(address: Address, options: ProbeOptions): Promise<void> {
  const probe = probeOf(address, options)
  const expected = options.expect === undefined ? null : await expectedLeaf(options.expect)
  const ca = await readCa(options.caFile ?? null, '--ca-file')
  const look = await probeOnce(probe, ca === null ? systemRoots() : [ca])
  const isMatch = expected === null ? null : look.leaf?.sha256 === expected
  const facts: Facts = {
    probe,
    look,
    chain: look.certificates.map(servedCertificate),
    trust: trustOf(look, probe.servername, new Date()),
    expected,
    isMatch,
    hint: await hintOf(probe, look),
  }
  if (options.json === true) printJson(document(facts))
  else print(...describe(facts))
  if (facts.hint !== null) process.stderr.write(`${facts.hint}\n`)
  else if (options.protocol === 'auto' && look.leaf === null && look.failure?.phase !== 'connect')
    process.stderr.write(
      `The port number suggests ${probe.protocol}; --protocol says what it speaks if that is wrong.\n`,
    )
  process.exitCode = look.leaf === null ? 1 : isMatch === false ? 3 : 0
}

function probeOf({ host, port }: Address, options: ProbeOptions): Probe {
  const name = /^[\d.]+$|:/.test(host) ? null : host
  return {
    host,
    port,
    protocol: options.protocol === 'auto' ? protocolOfPort(port) : options.protocol,
    servername: options.servername ?? name,
    keyType: null,
    ...(options.proxy === undefined ? {} : { proxy: options.proxy === 'v1' ? 1 : 2 }),
    timeoutMs: options.timeout * 1000,
  }
}

/** A listener behind a load balancer says nothing, or hangs up, until the PROXY header comes: it is tried once. */
async function hintOf(probe: Probe, { failure }: Look): Promise<string | null> {
  if (probe.proxy !== undefined || (failure?.phase !== 'greeting' && failure?.phase !== 'handshake')) return null
  const { leaf } = await probeOnce({ ...probe, proxy: 1 })
  return leaf === null ? null : 'It answers where a PROXY header comes first: ask with --proxy v1.'
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65535)
    throw new InvalidArgumentError('It is not HOST:PORT or [ADDRESS]:PORT, as mail.example.net:993 is.')
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

/** A key that nobody here can read hides nothing else. */
function servedCertificate(der: Uint8Array): ServedCertificate {
  try {
    const [certificate] = parseCertificates(pemOf(der))
    if (certificate === undefined) throw new TypeError('it is empty')
    return certificate
  } catch (error) {
    return { sha256: digestOf(der), unreadable: String(asWaxsealError(error).details['reason'] ?? 'it cannot be read') }
  }
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
}

function document({ probe, look, chain, trust, expected, isMatch, hint }: Facts): object {
  const certificates = chain.map((one) => {
    if ('unreadable' in one) return one
    const { pem: _, der: __, spki: ___, ...facts } = one
    return facts
  })
  const { tlsVersion, ms, phases, error } = look
  return { ...probe, tlsVersion, ms, phases, error, certificates, trust, expected, match: isMatch, hint }
}

function describe({ probe, look, chain: [leaf, ...rest], trust, expected, isMatch }: Facts): readonly string[] {
  const where = `${probe.protocol} ${probe.host}:${probe.port}`
  if (leaf === undefined) return [`${where}: no certificate was seen (${look.error})`]
  return [
    `${where}: ${look.tlsVersion}, ${look.ms} ms`,
    ...('unreadable' in leaf ? [`  unreadable  ${leaf.unreadable}`] : leafLines(leaf)),
    `  SHA-256     ${leaf.sha256}`,
    `  chain       ${rest.length} more certificate${rest.length === 1 ? '' : 's'}`,
    ...(trust === null ? [] : trustLines(trust)),
    `  phases      ${look.phases.map(({ name, ms }) => `${name} ${ms} ms`).join(', ')}`,
    ...(isMatch === null ? [] : [isMatch ? '  match       yes' : `  match       NO: expected ${expected}`]),
  ]
}

function leafLines(leaf: Certificate): readonly string[] {
  const days = Math.floor((Date.parse(leaf.notAfter) - Date.now()) / 86_400_000)
  return [
    `  subject     ${leaf.subject}`,
    `  names       ${leaf.names.join(', ')}`,
    `  issuer      ${leaf.issuer}`,
    `  valid       ${leaf.notBefore} to ${leaf.notAfter} (${days < 0 ? 'expired' : `${days} days left`})`,
    `  key         ${leaf.keyType}, SPKI SHA-256 ${leaf.spkiSha256}`,
  ]
}

function trustLines({ distrust, name }: Trust): readonly string[] {
  const chain = `  trusted     ${distrust === null ? 'yes' : `NO: ${distrust}`}`
  if (name === null) return [chain]
  return [chain, `  name        ${name.covered ? `${name.asked} is covered` : `NO: ${name.asked} is not covered`}`]
}
