/**
 * The registered domains of these names, as CAs count them: what is one label below a public suffix, be it a registry's or a provider's
 * (https://publicsuffix.org). A name that is such a suffix, or an address, stands for itself.
 */
export async function registeredDomains(names: readonly string[]): Promise<readonly string[]> {
  // The list takes memory: who counts by no domain does not load it.
  const { getDomain } = await import('tldts')
  const domainOf = (name: string): string => {
    const bare = name.replace(/^\*\./, '').toLowerCase()
    return getDomain(bare, { allowPrivateDomains: true, extractHostname: false, validateHostname: false }) ?? bare
  }
  return [...new Set(names.map(domainOf))]
}
