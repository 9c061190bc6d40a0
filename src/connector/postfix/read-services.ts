import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../connector.ts'
import { isWhole, type Unwired, unwiredBy } from '../wiring.ts'

/** The settings that decide what a listener reads; postconf(5). */
const names = [
  'smtpd_tls_chain_files',
  'smtpd_tls_cert_file',
  'smtpd_tls_key_file',
  'smtpd_tls_eccert_file',
  'smtpd_tls_eckey_file',
  'smtpd_tls_security_level',
  'smtpd_tls_wrappermode',
  'smtpd_use_tls',
  'tls_server_sni_maps',
  'inet_interfaces',
  'inet_protocols',
] as const

/** All variables expanded. */
export type Settings = Readonly<Record<(typeof names)[number], string>>

/** An SMTP server of master.cf on TCP. */
export interface Service {
  /** As the first column says it: `smtp`, `587`, `127.0.0.1:10025`. */
  readonly name: string
  readonly settings: Settings
}

/** The SMTP servers, each with what main.cf and its own `-o` in master.cf say. */
export async function readServices(
  host: HostView,
  postconf: (...args: readonly string[]) => Command,
): Promise<readonly Service[] | Unwired> {
  const [services, overrides] = await Promise.all([host.run(postconf('-M')), host.run(postconf('-P'))])
  for (const list of [services, overrides]) if (!isWhole(list)) return unwiredBy('postconf', list)
  const asked = await Promise.all(
    parseServices(services.stdout).map(async (name) => {
      // Given the overrides, postconf follows `$name` in them, and defaults such as that of the key file, as smtpd does.
      const options = overridesOf(overrides.stdout, name).flatMap((option) => ['-o', option])
      const values = await host.run(postconf('-x', ...options, ...names))
      return isWhole(values) ? { name, settings: parseSettings(values.stdout) } : unwiredBy('postconf', values)
    }),
  )
  return asked.find((service) => 'unwired' in service) ?? asked.filter((service) => 'settings' in service)
}

/** The inet services of master.cf whose command is an SMTP server; master(5). */
function parseServices(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/, 8))
  return lines.flatMap(([name = '', type, , , , , , command = '']) =>
    type === 'inet' && ['smtpd', 'postscreen'].includes(command) ? [name] : [],
  )
}

/** `submission/inet/smtpd_tls_security_level = encrypt`, as `-o` takes it: `smtpd_tls_security_level=encrypt`. */
function overridesOf(text: string, service: string): readonly string[] {
  const prefix = `${service}/inet/`
  return text.split('\n').flatMap((line) => {
    const match = line.startsWith(prefix) ? settingOf(line.slice(prefix.length)) : null
    return match === null ? [] : [match.join('=')]
  })
}

function parseSettings(text: string): Settings {
  const found = new Map(text.split('\n').flatMap((line) => [settingOf(line)].filter((setting) => setting !== null)))
  return Object.fromEntries(names.map((name) => [name, found.get(name) ?? ''])) as Settings
}

/** `name = value`. */
function settingOf(line: string): readonly [name: string, value: string] | null {
  const match = /^([A-Za-z0-9_]+) =(.*)$/.exec(line)
  return match === null ? null : [match[1] ?? '', (match[2] ?? '').trim()]
}
