const known: Readonly<Record<string, number>> = {
  smtp: 25,
  smtps: 465,
  ssmtp: 465,
  submissions: 465,
  submission: 587,
}

/** The TCP port that a mail daemon's settings name: by number, by its usual name, by the text of services(5); null: none. */
export function portOf(name: string, services: Uint8Array | null): number | null {
  const port = /^\d{1,5}$/.test(name) ? Number(name) : (known[name] ?? portIn(services, name))
  return port > 0 && port < 65_536 ? port : null
}

function portIn(services: Uint8Array | null, name: string): number {
  const line = new TextDecoder()
    .decode(services ?? new Uint8Array())
    .split('\n')
    .map((row) => (row.split('#')[0] ?? '').trim().split(/\s+/))
    .find(([first, port, ...aliases]) => port?.endsWith('/tcp') === true && [first, ...aliases].includes(name))
  return Number.parseInt(line?.[1] ?? '', 10)
}
