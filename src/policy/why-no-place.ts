import { basename, dirname } from 'node:path'
import { contentsOf, type FolderEntry } from '../host/file/folder/folder-contents.ts'
import { kindsIn } from '../material/kinds-in.ts'
import { isBelowRoots } from './policy.ts'

/** As a folder for certificates and keys is called: `tls`, `ssl.d`, `certs`, `private`. */
const forMaterial = /(?:^|[^a-z])(?:certs?|certificates?|crts?|ssl|tls|pki|keys?|private|acme|letsencrypt)(?:[^a-z]|$)/i
/** As a folder is called from which programs read each file that is in it. */
const forSettings =
  /\.d$|-(?:enabled|available)$|^cron\.|^(?:confs?|configs?|includes?|sites|vhosts|snippets|modules|sasl)$/i
/** As settings, tables and programs are called: a program that reads such names may come to read this one. */
const nameOfSettings =
  /\.(?:conf|cf|cnf|cfg|ini|ya?ml|json|toml|xml|lua|p[ylm]|sh|so|service|timer|socket|path|rules|sieve|list|sources|db|lmdb)$/i

/** What says nothing of the folder that it is in: our own, what explains or keeps it, and what OpenSSL's CA leaves behind. */
const neutral =
  /^(?:\.waxseal-[0-9a-f]{24}\.(?:new|old)|readme.*|\.git(?:ignore|keep)|\.keep|\.placeholder|.*\.srl|serial(?:\.old)?|index\.txt.*|crlnumber.*)$/i
/** The same, in a folder for certificates: what they were made by. */
const madeBy = /^(?:makefile|.*\.cnf)$/i

/** As certificates, keys and stores are called, those of c_rehash(1) among them. */
const nameOfMaterial = /\.(?:pem|crt|cert?|key|der|p12|pfx|jks|p7[bc]|[0-9]+)$/i

const mostNames = 1000

/**
 * Why a new file of certificate material may not be made at this path, of which nobody has said that it is for one; null: its folder holds
 * nothing else. What a link leads to is looked at below the roots alone.
 */
export async function whyNoPlace(path: string, roots: readonly string[]): Promise<string | null> {
  const [name, folder] = [basename(path), dirname(path)]
  const isForMaterial = forMaterial.test(basename(folder))
  if (nameOfSettings.test(name) && name !== 'sds.json') return `its name is one of settings, a table or a program`
  if (forSettings.test(basename(folder)) && !isForMaterial) return `${folder} is a folder from which settings are read`
  try {
    for await (const entry of contentsOf(folder, mostNames, (at) => isBelowRoots(at, roots)))
      if (!isFitting(entry, isForMaterial))
        return `${folder} holds other things than certificates and keys: ${entry.name}`
    return null
  } catch (error) {
    return `${folder} cannot be looked at: ${(error as Error).message}`
  }
}

function isFitting({ name, kind, leadsTo, bytes }: FolderEntry, isForMaterial: boolean): boolean {
  if (kind === 'folder' || kind === 'nothing' || neutral.test(name)) return true
  if (isForMaterial && madeBy.test(name)) return true
  if (kind === 'elsewhere') return [name, basename(leadsTo)].every((one) => nameOfMaterial.test(one))
  return kind === 'file' && (bytes.length === 0 || kindsIn(bytes).size > 0)
}
