import { WaxsealError } from '../error/waxseal-error.ts'
import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import { isPublicAddress } from '../host/socket/guarded-lookup.ts'
import { unusable } from './problem.ts'

/**
 * Which URLs and addresses an ACME server may send us to: https, and no address of an inner network, for a CA on the Internet has no
 * business there. A directory that is in such a network itself may.
 */
export interface Guard {
  /** The parsed URL. ACME_UNREACHABLE: it is none that is followed. */
  allow(url: string): URL
  /** Those addresses of this host, of one look-up, that may be connected to. The first look-up of the directory's host decides for good. */
  usable(host: string, addresses: readonly string[]): readonly string[]
  /** Whether the directory is in an inner network: every address that it was first found at is. Not looked up yet: it is not. */
  isInner(): boolean
}

const longest = 2048

/** CONFIG_INVALID: the directory's own URL is not https. */
export function openGuard(directory: string): Guard {
  const home = read(directory)
  if (home === null) {
    throw new WaxsealError('CONFIG_INVALID', {
      reason: 'the directory of an ACME server is an https URL',
      url: directory.slice(0, 300),
    })
  }
  const homeHost = bare(home.hostname)
  let isInner: boolean | null = null
  const usable = (host: string, addresses: readonly string[]): readonly string[] => {
    const open = addresses.filter(isPublicAddress)
    // Whoever can add one address to the CA's name, for a while, opens no inner network to it.
    if (bare(host) === homeHost && addresses.length > 0) isInner ??= open.length === 0
    return isInner === true ? addresses : open
  }
  return {
    usable,
    isInner: () => isInner === true,
    allow: (url) => {
      const parsed = read(url)
      if (parsed === null) throw unusable('it gives a URL that is no plain https URL', { url: url.slice(0, 300) })
      const host = bare(parsed.hostname)
      // A name is judged by its addresses, when it is connected to.
      if (isAddressOrNetwork(host) && usable(host, [host]).length === 0) {
        throw unusable('it gives a URL in an inner network', { url: url.slice(0, 300) })
      }
      return parsed
    },
  }
}

function read(url: string): URL | null {
  if (url.length > longest || !URL.canParse(url)) return null
  const parsed = new URL(url)
  return parsed.protocol === 'https:' && parsed.username === '' && parsed.password === '' ? parsed : null
}

/** Without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
