/** A listener of Dovecot that is not the usual one of its port. */
interface DovecotListener {
  readonly kind: keyof typeof kinds
  /** 0: closed. */
  readonly port: number
  readonly address?: string
  /** It wants the PROXY header. */
  readonly haproxy?: true
}

const kinds = {
  imap: { service: 'imap-login', lines: [] },
  imaps: { service: 'imap-login', lines: ['ssl = yes'] },
  pop3: { service: 'pop3-login', lines: [] },
  pop3s: { service: 'pop3-login', lines: ['ssl = yes'] },
  sieve: { service: 'managesieve-login', lines: [] },
  lmtp: { service: 'lmtp', lines: [] },
} as const

const usual: Readonly<Record<number, DovecotListener['kind']>> = {
  24: 'lmtp',
  110: 'pop3',
  143: 'imap',
  993: 'imaps',
  995: 'pop3s',
  4190: 'sieve',
}

/** Services of a dovecot.conf with these listeners; a number is the usual one of that port. */
export function dovecotListeners(...wanted: readonly (number | DovecotListener)[]): string {
  const listeners = wanted.map(listenerOf)
  const services = [...new Set(listeners.map(({ kind }) => kinds[kind].service))]
  return services.map((service) => serviceOf(service, listeners)).join('')
}

function listenerOf(wanted: number | DovecotListener): DovecotListener {
  if (typeof wanted !== 'number') return wanted
  const kind = usual[wanted]
  if (kind === undefined) throw new Error(`Dovecot has no usual listener on ${wanted}`)
  return { kind, port: wanted }
}

function serviceOf(service: string, listeners: readonly DovecotListener[]): string {
  const own = listeners.filter(({ kind }) => kinds[kind].service === service)
  // One of another name stands beside the default one, and does not replace it.
  const nameOf = ({ kind, haproxy }: DovecotListener): string =>
    haproxy === true && own.some((one) => one.kind === kind && one.haproxy === undefined) ? `${kind}_haproxy` : kind
  return `service ${service} {\n${own.map((one) => blockOf(nameOf(one), one)).join('')}}\n`
}

function blockOf(name: string, { kind, port, address, haproxy }: DovecotListener): string {
  const lines = [
    ...(address === undefined ? [] : [`address = ${address}`]),
    port === 0 ? 'port = 0' : `port = P${port}`,
    ...kinds[kind].lines,
    ...(haproxy === true ? ['haproxy = yes'] : []),
  ]
  return `  inet_listener ${name} {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`
}

/** Lines of a master.cf: smtpd, or postscreen before it, on 25, and one listener for each further port; `more` are options of the latter. */
export function postfixListeners(first: 'smtpd' | 'postscreen', ports: readonly (465 | 587)[], more = ''): string {
  return [
    first === 'smtpd' ? 'P25 inet n - n - - smtpd\n' : behindPostscreen,
    ...ports.map((port) => submission[port] + more),
  ].join('')
}

const behindPostscreen = `P25 inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
tlsproxy unix - - n - 0 tlsproxy
dnsblog unix - - n - 0 dnsblog
`

const submission = {
  465: 'P465 inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n',
  587: 'P587 inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n',
} as const

/** An smtpd that takes mail back from a filter, without TLS. */
export function fromFilter(port: number): string {
  return `127.0.0.1:P${port} inet n - n - - smtpd\n  -o smtpd_tls_security_level=none\n`
}
