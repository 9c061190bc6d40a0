const kinds: readonly string[] = ['DNS', 'IP Address', 'email']

/**
 * The DNS, IP and e-mail names of a subjectAltName as Node writes it: `DNS:a.example, IP Address:192.0.2.1, URI:…`. A name with a comma in it
 * stands in JSON quotes, of whatever kind it is: what is within is no name.
 */
export function alternativeNames(text: string): readonly string[] {
  const entries = text.matchAll(/(?:^|, )([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)
  return [...entries].flatMap(([, kind = '', value = '']) => {
    if (!kinds.includes(kind)) return []
    return [value.startsWith('"') ? String(JSON.parse(value)) : value]
  })
}
