import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { isWhole, type Unwired, unwiredBy } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'

/** The settings that decide what a listener reads; postconf(5). */
export const settingNames = [
  'smtpd_tls_chain_files',
  'smtpd_tls_cert_file',
  'smtpd_tls_key_file',
  'smtpd_tls_eccert_file',
  'smtpd_tls_eckey_file',
  'smtpd_tls_security_level',
  'smtpd_tls_wrappermode',
  'smtpd_use_tls',
  'smtpd_enforce_tls',
  'smtpd_discard_ehlo_keywords',
  'smtpd_discard_ehlo_keyword_address_maps',
  'smtpd_upstream_proxy_protocol',
  'smtpd_service_name',
  'postscreen_tls_security_level',
  'postscreen_use_tls',
  'postscreen_enforce_tls',
  'postscreen_discard_ehlo_keywords',
  'postscreen_discard_ehlo_keyword_address_maps',
  'postscreen_upstream_proxy_protocol',
  'postscreen_access_list',
  'postscreen_bare_newline_enable',
  'postscreen_non_smtp_command_enable',
  'postscreen_pipelining_enable',
  'tlsproxy_service_name',
  'tlsproxy_tls_chain_files',
  'tlsproxy_tls_cert_file',
  'tlsproxy_tls_key_file',
  'tlsproxy_tls_eccert_file',
  'tlsproxy_tls_eckey_file',
  'tlsproxy_tls_security_level',
  'tlsproxy_use_tls',
  'tlsproxy_enforce_tls',
  'tls_server_sni_maps',
  'inet_interfaces',
  'inet_protocols',
  'queue_directory',
  'master_service_disable',
  'multi_instance_directories',
  'multi_instance_enable',
  'multi_instance_wrapper',
] as const

/** master(8) binds the sockets by main.cf alone, whatever a service overrides. */
const ofMaster = ['inet_interfaces', 'inet_protocols']

/** All variables expanded. */
export type Settings = Readonly<Record<(typeof settingNames)[number], string>>

const programs = ['smtpd', 'postscreen', 'tlsproxy'] as const

/** A service of master.cf that speaks TLS with clients, or hands them on. */
export interface Service {
  /** As the first column says it: `smtp`, `587`, `127.0.0.1:10025`. */
  readonly name: string
  /** `inet`, `pass`, `unix` */
  readonly type: string
  readonly program: (typeof programs)[number]
  readonly settings: Settings
}

/** What one instance of Postfix says. */
export interface Services {
  /** main.cf alone. */
  readonly main: Settings
  /** Each that master(8) starts, with what main.cf and its own `-o` in master.cf say. */
  readonly services: readonly Service[]
}

/** The services of one instance, with their settings as postconf(1) resolves them. */
export async function readServices(
  host: Pick<HostView, 'run'>,
  postconf: (...args: readonly string[]) => Command,
): Promise<Services | Unwired> {
  const [table, overrides] = await Promise.all([host.run(postconf('-M')), host.run(postconf('-P'))])
  for (const list of [table, overrides]) if (!isWhole(list)) return unwiredBy('postconf', list)
  const ask = settingsReader(host, postconf)
  const [main, ...asked] = await Promise.all([
    ask([]),
    ...parseServices(table.stdout).map(async (service) => {
      const settings = await ask(overridesOf(overrides.stdout, `${service.name}/${service.type}/`))
      return 'unwired' in settings ? settings : { ...service, settings }
    }),
  ])
  const unwired = [main, ...asked].find((answer) => 'unwired' in answer)
  if (unwired !== undefined) return unwired
  const { master_service_disable: disabled } = main as Settings
  const services = asked.filter((answer) => 'settings' in answer && !isDisabled(answer, disabled))
  return { main: main as Settings, services: services as readonly Service[] }
}

/** By `inet`, `smtp/inet` or `smtp.inet` in any case, with `!` before what is kept; the first that fits decides. */
function isDisabled({ name, type }: Service, disabled: string): boolean {
  const pattern = listOf(disabled.toLowerCase())
    .map((written) => (written.includes('/') ? written : written.replace(/\.([^.]*)$/, '/$1')))
    .find((written) => [type, `${name.toLowerCase()}/${type}`].includes(written.replace(/^!+/, '')))
  return pattern !== undefined && !/^!(?:!!)*[^!]/.test(pattern)
}

/** Given the overrides, postconf follows `$name` in them, and defaults such as that of the key file, as the daemons do. */
function settingsReader(
  host: Pick<HostView, 'run'>,
  postconf: (...args: readonly string[]) => Command,
): (overrides: readonly string[]) => Promise<Settings | Unwired> {
  const answers = new Map<string, Promise<Settings | Unwired>>()
  const ask = async (overrides: readonly string[]): Promise<Settings | Unwired> => {
    const values = await host.run(postconf('-x', ...overrides.flatMap((option) => ['-o', option]), ...settingNames))
    return isWhole(values) ? parseSettings(values.stdout) : unwiredBy('postconf', values)
  }
  return (overrides) => {
    const key = overrides.join('\n')
    const answer = answers.get(key) ?? ask(overrides)
    answers.set(key, answer)
    return answer
  }
}

/** master(5) */
function parseServices(text: string): readonly Omit<Service, 'settings'>[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/, 8))
  return lines.flatMap(([name = '', type = '', , , , , , command]) => {
    const program = programs.find((one) => one === command)
    return program === undefined ? [] : [{ name, type, program }]
  })
}

/** `submission/inet/smtpd_tls_security_level = encrypt`, as `-o` takes it: `smtpd_tls_security_level=encrypt`. */
function overridesOf(text: string, prefix: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const match = line.startsWith(prefix) ? settingOf(line.slice(prefix.length)) : null
    return match === null || ofMaster.includes(match[0]) ? [] : [match.join('=')]
  })
}

function parseSettings(text: string): Settings {
  const found = new Map(text.split('\n').flatMap((line) => [settingOf(line)].filter((setting) => setting !== null)))
  return Object.fromEntries(settingNames.map((name) => [name, found.get(name) ?? ''])) as Settings
}

/** `name = value`. */
function settingOf(line: string): readonly [name: string, value: string] | null {
  const match = /^([A-Za-z0-9_]+) =(.*)$/.exec(line)
  return match === null ? null : [match[1] ?? '', (match[2] ?? '').trim()]
}
