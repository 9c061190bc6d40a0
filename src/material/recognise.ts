import type { ErrorDetails } from '../error/waxseal-error.ts'
import { readPem } from './read-pem.ts'
import { type DerKind, recogniseDer } from './recognise-der.ts'

/** What a file should have held. */
export type Wanted = 'certificate' | 'private key'

/** A file of another kind than the one that is wanted. */
export interface Foreign extends ErrorDetails {
  /** What it is: a constant text without a byte of it. */
  readonly reason: string
  /** The command that makes PEM of it, FILE in place of its name; or what to do instead. */
  readonly hint: string
}

/**
 * What a file is that holds no PEM of the wanted kind, and how it becomes one. `text`: its bytes as latin1. Asked after
 * the file was found to have none.
 */
export function recognise(text: string, wanted: Wanted): Foreign {
  return (
    byMark(text, wanted) ??
    byBlocks(text, wanted) ??
    byDer(recogniseDer(Buffer.from(text, 'latin1')), wanted) ??
    byBase64(text, wanted) ?? {
      reason: `it has no PEM ${wanted}`,
      hint: `A PEM file has a line -----BEGIN ${wanted.toUpperCase()}-----: head -n 3 FILE shows what it has.`,
    }
  )
}

const keystore =
  'keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype PKCS12 && openssl pkcs12 -in NEW.p12'

/** Files that begin with what nothing else begins with. */
const marks: readonly (readonly [RegExp | string, string, string])[] = [
  [/^(?:\xef\xbb\xbf)?\s*$/, 'it is empty', 'ls -l FILE: whoever wrote it was cut off, or the disk was full.'],
  [/^(?:\xff\xfe|\xfe\xff)/, 'it is UTF-16 text', 'iconv -f UTF-16 -t UTF-8 FILE > NEW.pem'],
  [/^(?:[\t\n\r -~]\0){8}/, 'it is UTF-16 text', 'iconv -f UTF-16LE -t UTF-8 FILE > NEW.pem'],
  [/^(?:\0[\t\n\r -~]){8}/, 'it is UTF-16 text', 'iconv -f UTF-16BE -t UTF-8 FILE > NEW.pem'],
  [/^\xfe\xed\xfe\xed|^\xce\xce\xce\xce/, 'it is a Java key store', keystore],
  [/^PuTTY-User-Key-File-/, 'it is a key of PuTTY, for SSH', 'puttygen FILE -O private-openssh -o NEW.pem'],
  [
    /^(?:ssh-|ecdsa-sha2-|---- BEGIN SSH2)/,
    'it is a public key of SSH',
    'Name the file of the certificate, or of its private key.',
  ],
  ['\x1f\x8b', 'it is compressed (gzip)', 'gunzip < FILE > NEW'],
  ['PK\x03\x04', 'it is a ZIP archive', 'unzip FILE'],
  [
    /^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|head)/i,
    'it is an HTML page or XML, as a proxy or a login page sends it',
    'head FILE shows the page: download the file again from where it really is.',
  ],
  [/^(?:\xef\xbb\xbf)?\s*[{[]/, 'it is JSON', 'Take the PEM text out of it: jq -r .NAME FILE > NEW.pem'],
  [/-----BEGIN [A-Z0-9 ]+-----\\n/, 'its line ends are written out as \\n', `sed 's/\\\\n/\\n/g' FILE > NEW.pem`],
]

/** A file that says at its beginning, or by its line ends, what it is; null: it does not. */
export function byMark(text: string, wanted: Wanted): Foreign | null {
  const [, reason, hint] =
    marks.find(([mark]) => (typeof mark === 'string' ? text.startsWith(mark) : mark.test(text))) ?? []
  if (reason === undefined || hint === undefined) return null
  if (hint === keystore) return { reason, hint: `${keystore} ${pkcs12Options(wanted)}` }
  // What a shell makes is readable by others, what openssl makes of a key is not.
  return { reason, hint: wanted === 'private key' && hint.includes('> NEW') ? `umask 077; ${hint}` : hint }
}

/** PEM of another kind, by its labels. */
function byBlocks(text: string, wanted: Wanted): Foreign | null {
  const { blocks, torn } = readPem(text)
  for (const label of [...blocks.map((block) => block.label), ...torn]) {
    const known = byLabel(label, wanted)
    if (known !== null) return known
  }
  return torn.length === 0
    ? null
    : { reason: 'it has a torn PEM block', hint: 'tail -n 3 FILE: its end is missing. Copy the whole file again.' }
}

const swapped = 'Look whether the files of certificate and key were exchanged.'

function byLabel(label: string, wanted: Wanted): Foreign | null {
  if (label === 'TRUSTED CERTIFICATE') return trusted
  if (label === 'OPENSSH PRIVATE KEY')
    return {
      reason: 'it is a key of OpenSSH',
      hint: "cp FILE NEW.pem && ssh-keygen -p -m PKCS8 -N '' -f NEW.pem",
    }
  if (label === 'PKCS7' || label === 'CMS')
    return wanted === 'certificate'
      ? { reason: 'it is PKCS#7', hint: 'openssl pkcs7 -print_certs -in FILE -out NEW.pem' }
      : pkcs7WithoutKey
  if (label === 'ENCRYPTED PRIVATE KEY' && wanted === 'private key') return encrypted
  if (label.endsWith('CERTIFICATE REQUEST')) return request
  if (label.endsWith('PUBLIC KEY')) return publicKey
  if (label === 'X509 CRL') return revocationList
  if (label.startsWith('PGP ')) return { reason: 'it is of PGP', hint: `Name the file of the ${wanted}.` }
  if (label.endsWith('PRIVATE KEY') && wanted === 'certificate')
    return { reason: 'it holds a private key and no certificate', hint: swapped }
  if (label.endsWith('CERTIFICATE') && wanted === 'private key')
    return { reason: 'it holds a certificate and no private key', hint: swapped }
  return null
}

const noKey = 'The key stays where the request was made: look for it there.'
const request = {
  reason: 'it is a certificate request (CSR), from which a CA makes a certificate',
  hint: 'Name the certificate that the CA has answered with.',
}
const publicKey = { reason: 'it is a public key', hint: 'Name the file of the certificate, or of its private key.' }
const revocationList = {
  reason: 'it is a list of revoked certificates (CRL)',
  hint: 'Name the file of the certificate.',
}

/** Of a certificate with OpenSSL's own trust settings behind it, which daemons do not read. */
export const trusted = {
  reason: "it is a TRUSTED CERTIFICATE, OpenSSL's own form, which not every daemon reads",
  hint: 'openssl x509 -in FILE -out NEW.pem',
} as const satisfies Foreign

/** Of a key that needs a passphrase, which no daemon has. */
export const encrypted = {
  reason: 'it is encrypted: a daemon could not read it without a passphrase',
  hint: 'openssl pkey -in FILE -out NEW.pem',
} as const satisfies Foreign

function pkcs12Options(wanted: Wanted): string {
  return wanted === 'certificate' ? '-nokeys -out NEW.pem' : '-nocerts -nodes -out NEW.pem'
}

const pkcs7WithoutKey = { reason: 'it is PKCS#7, which has no private key', hint: noKey }
const encryptedDer = {
  reason: 'it is an encrypted private key in DER',
  hint: 'openssl pkcs8 -inform DER -in FILE -out NEW.pem',
}

/** DER, by what it holds and what it should. */
const derKinds: Readonly<Record<DerKind, Readonly<Record<Wanted, Foreign>>>> = {
  certificate: {
    certificate: {
      reason: 'it is a certificate in DER',
      hint: 'openssl x509 -inform DER -in FILE -out NEW.pem',
    },
    'private key': { reason: 'it is a certificate in DER', hint: swapped },
  },
  'private key': {
    certificate: { reason: 'it is a private key in DER', hint: swapped },
    'private key': { reason: 'it is a private key in DER', hint: 'openssl pkey -inform DER -in FILE -out NEW.pem' },
  },
  pkcs7: {
    certificate: {
      reason: 'it is PKCS#7 in DER',
      hint: 'openssl pkcs7 -inform DER -print_certs -in FILE -out NEW.pem',
    },
    'private key': pkcs7WithoutKey,
  },
  pkcs12: {
    certificate: { reason: 'it is PKCS#12', hint: `openssl pkcs12 -in FILE ${pkcs12Options('certificate')}` },
    'private key': { reason: 'it is PKCS#12', hint: `openssl pkcs12 -in FILE ${pkcs12Options('private key')}` },
  },
  'encrypted key': { certificate: { ...encryptedDer, hint: swapped }, 'private key': encryptedDer },
  request: { certificate: request, 'private key': request },
  'public key': { certificate: publicKey, 'private key': publicKey },
  'revocation list': { certificate: revocationList, 'private key': revocationList },
}

function byDer(kind: DerKind | null, wanted: Wanted): Foreign | null {
  return kind === null ? null : derKinds[kind][wanted]
}

/** Without its BEGIN and END lines. */
function byBase64(text: string, wanted: Wanted): Foreign | null {
  const body = text.replaceAll(/\s+/g, '')
  if (!/^MI[A-Za-z0-9+/]{60,}={0,2}$/.test(body)) return null
  const found = byDer(recogniseDer(Buffer.from(body, 'base64')), wanted)
  if (found === null) return null
  const hint = found.hint.includes('-in FILE ') ? `base64 -d FILE | ${found.hint.replace('-in FILE ', '')}` : found.hint
  return { reason: `${found.reason}, as base64 without its BEGIN and END lines`, hint }
}
