import type { Material } from '../../material/material.ts'
import { type Bytes, bmpString, element, integer, objectId, octets, sequence, set, tagged } from './der.ts'
import { authenticate, encrypt, iterations, saltAndIv, utf8 } from './pkcs12-crypto.ts'

const ids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacSha256: '1.2.840.113549.2.9',
  aes256: '2.16.840.1.101.3.4.1.42',
  sha256: '2.16.840.1.101.3.4.2.1',
  keyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
} as const

const none = element(0x05)

/**
 * Key, leaf and chain as a PKCS#12 store (RFC 7292) with one entry of this alias: AES-256-CBC and PBKDF2 (RFC 8018), as
 * OpenSSL 3 and Java write it. Equal inputs give equal bytes.
 */
export async function pkcs12(material: Material, password: string, alias: string): Promise<Bytes> {
  const key = keyDer(material)
  const certificates = [material.leaf, ...material.chain].map(({ der }) => der)
  const inputs = [key, ...certificates, utf8(password), utf8(alias)]
  const entry = [
    attribute(ids.friendlyName, bmpString(alias)),
    attribute(
      ids.localKeyId,
      octets(Uint8Array.from(material.leaf.sha256.match(/../g) ?? [], (hex) => Number(`0x${hex}`))),
    ),
  ]
  const certBags = sequence(...certificates.map((der, index) => certBag(der, index === 0 ? entry : [])))
  const certs = await shroud(certBags, password, key, inputs, 'certificates')
  const shrouded = await shroud(key, password, key, inputs, 'key')
  const keyBag = sequence(
    objectId(ids.keyBag),
    tagged(sequence(shrouded.algorithm, octets(shrouded.text))),
    set(...entry),
  )
  const safe = sequence(
    encryptedContent(certs.algorithm, certs.text),
    sequence(objectId(ids.data), tagged(octets(sequence(keyBag)))),
  )
  const { salt } = await saltAndIv(key, inputs, 'mac')
  const digest = sequence(sequence(objectId(ids.sha256), none), octets(await authenticate(safe, password, salt)))
  const mac = sequence(digest, octets(salt), integer(iterations))
  return sequence(integer(3), sequence(objectId(ids.data), tagged(octets(safe))), mac)
}

/** PKCS#8, DER. A secret (law 4). */
export function keyDer({ keyPem }: Pick<Material, 'keyPem'>): Bytes {
  const text = atob(keyPem.replaceAll(/-----[A-Z ]+-----|\s/g, ''))
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

interface Shrouded {
  readonly algorithm: Bytes
  readonly text: Bytes
}

/** Encrypted by PBES2 (RFC 8018). */
async function shroud(
  text: Bytes,
  password: string,
  key: Bytes,
  inputs: readonly Uint8Array[],
  use: string,
): Promise<Shrouded> {
  const { salt, iv } = await saltAndIv(key, inputs, use)
  const derivation = sequence(octets(salt), integer(iterations), sequence(objectId(ids.hmacSha256), none))
  const scheme = sequence(objectId(ids.aes256), octets(iv))
  return {
    algorithm: sequence(objectId(ids.pbes2), sequence(sequence(objectId(ids.pbkdf2), derivation), scheme)),
    text: await encrypt(text, password, salt, iv),
  }
}

function encryptedContent(algorithm: Bytes, text: Bytes): Bytes {
  const content = sequence(objectId(ids.data), algorithm, element(0x80, text))
  return sequence(objectId(ids.encryptedData), tagged(sequence(integer(0), content)))
}

function certBag(der: Uint8Array, attributes: readonly Bytes[]): Bytes {
  const bag = sequence(objectId(ids.x509), tagged(octets(der)))
  return sequence(objectId(ids.certBag), tagged(bag), ...(attributes.length === 0 ? [] : [set(...attributes)]))
}

function attribute(id: string, value: Bytes): Bytes {
  return sequence(objectId(id), set(value))
}
