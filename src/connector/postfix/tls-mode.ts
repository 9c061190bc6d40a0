import type { Settings } from './read-services.ts'

/** What a server of Postfix speaks by its settings. */
export interface TlsMode {
  readonly speaks: 'nothing' | 'starttls' | 'tls'
  /** The setting that it refuses; then it does not start. Null: none. */
  readonly refuses: string | null
}

/** What smtpd(8), postscreen(8) and tlsproxy(8) make of a level, in any case. Of any other they die. */
const levels: Readonly<Record<string, boolean>> = {
  none: false,
  may: true,
  encrypt: true,
  // Of these three a server warns, and takes them for `encrypt`.
  verify: true,
  secure: true,
  fingerprint: true,
}

/** The level overrules the two old switches; wrapper mode, which smtpd alone has, overrules the level. */
export function tlsModeOf(settings: Settings, server: 'smtpd' | 'postscreen' | 'tlsproxy'): TlsMode {
  const level = settings[`${server}_tls_security_level`].toLowerCase()
  const isWrapped = server === 'smtpd' ? wordOf(settings, 'smtpd_tls_wrappermode') : { is: false, refuses: null }
  const switches = (['use', 'enforce'] as const).map((name) => wordOf(settings, `${server}_${name}_tls`))
  const isOn = level === '' ? switches.some(({ is }) => is) : (levels[level] ?? true)
  const refusesLevel = level === '' || level in levels ? null : `${server}_tls_security_level = ${level}`
  const refuses = [isWrapped, ...switches].map((word) => word.refuses).find((setting) => setting !== null)
  if (isWrapped.is) return { speaks: 'tls', refuses: refusesLevel ?? refuses ?? null }
  return { speaks: isOn ? 'starttls' : 'nothing', refuses: refusesLevel ?? refuses ?? null }
}

/** `yes` and `no` in any case are all that Postfix takes. */
function wordOf(settings: Settings, name: keyof Settings): { readonly is: boolean; readonly refuses: string | null } {
  const word = settings[name].toLowerCase()
  return { is: word === 'yes', refuses: ['yes', 'no'].includes(word) ? null : `${name} = ${settings[name]}` }
}
