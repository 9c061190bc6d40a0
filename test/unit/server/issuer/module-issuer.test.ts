import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isRoot } from '../../../../src/host/host-facts.ts'
import { readVersion } from '../../../../src/server/authority/read-version.ts'
import type { Issuer, SigningRequest } from '../../../../src/server/issuer/issuer.ts'
import { openModuleIssuer } from '../../../../src/server/issuer/module-issuer.ts'
import { makeAuthority } from '../../../support/certificates.ts'

let count = 0
const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
const version = {
  ...readVersion(pair.certificatePem),
  certificateId: 'certificate-1',
  number: 3,
  issuer: 'other',
  issuedAt: 1,
  revokedAt: null,
}
const request: SigningRequest = {
  id: 'signing-1',
  certificateId: 'certificate-1',
  csrPem: 'CSR',
  spki: version.spki,
  names: ['mail.example.net'],
  validityDays: 47,
  replaces: version,
  at: 1_000_000,
}

t.test('a module signs with its own configuration, and learns what it is asked', async (t) => {
  const issuer = await open(
    t,
    `export const interfaceVersion = 1
     export const issuer = ({ pem }) => ({
       sign: async (request) => {
         if (request.csrPem !== 'CSR' || request.replaces.serial === undefined) throw new Error('other')
         return { state: 'signed', pem }
       },
     })`,
  )

  t.same(await issuer.sign(request), { state: 'signed', pem: pair.certificatePem })
  t.notOk('revoke' in issuer)
})

t.test('what a module waits for is bounded', async (t) => {
  const waits = (untilMs: string) =>
    open(
      t,
      `export const interfaceVersion = 1
       export const issuer = () => ({ sign: () => ({ state: 'waits', untilMs: ${untilMs}, reason: 'for a person' }) })`,
    )

  t.match(await (await waits('5')).sign(request), { untilMs: 1_001_000 })
  t.match(await (await waits('9e14')).sign(request), { untilMs: 1_000_000 + 7 * 86_400_000 })
})

t.test('a module that keeps no contract is refused when it is loaded', async (t) => {
  const wrong = {
    'export const issuer = () => ({ sign: () => {} })': /must export interfaceVersion = 1/,
    'export const interfaceVersion = 1': /function called issuer/,
    'export const interfaceVersion = 1; export const issuer = () => ({})': /its sign is no function/,
    'export const interfaceVersion = 1; export const issuer = () => ({ sign() {}, revoke: 1 })': /its revoke is no/,
    'export const interfaceVersion = 1; export const issuer = () => { throw new Error("no key") }': /no key/,
    'syntax error': /./,
  }

  for (const [text, reason] of Object.entries(wrong))
    await t.rejects(open(t, text), { code: 'ISSUER_INVALID', details: { issuer: 'other', reason } }, text)
})

t.test('what a module returns is used only if it can be used', async (t) => {
  const other = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  const wrong = {
    undefined: /cannot be used/,
    '({ state: "signed" })': /cannot be used/,
    '({ state: "signed", pem: "<html>" })': /no certificate/,
    [`({ state: "signed", pem: ${JSON.stringify(other.certificatePem)} })`]: /not for the key of the CSR/,
    '({ state: "waits", untilMs: 1 })': /cannot be used/,
    '({ state: "done", pem: "" })': /cannot be used/,
    '{ throw new Error("it is closed") }': /it is closed/,
  }

  for (const [text, reason] of Object.entries(wrong)) {
    const module = `export const interfaceVersion = 1; export const issuer = () => ({ sign: async () => ${text} })`
    await t.rejects((await open(t, module)).sign(request), { code: 'ISSUER_INVALID', details: { reason } }, text)
  }
})

t.test('a module revokes, and says when to renew', async (t) => {
  const issuer = await open(
    t,
    `export const interfaceVersion = 1
     const revoked = []
     export const issuer = () => ({
       sign: () => {},
       revoke: async ({ serial }, reason) => { revoked.push([serial, reason]) },
       renewalInfo: async () => revoked.length === 0 ? null : { start: 1, end: 2, askAgainMs: null, explanation: null },
     })`,
  )

  t.equal(await issuer.renewalInfo?.(version), null)
  await issuer.revoke?.(version, 'superseded')
  t.match(await issuer.renewalInfo?.(version), { start: 1, end: 2 })
})

t.test(
  'a module that another user can change is not loaded',
  { skip: isRoot() ? false : 'only root can give files away' },
  async (t) => {
    const module = join(t.testdir({ 'other.mjs': '' }), 'other.mjs')
    chownSync(module, 65_534, 0)

    await t.rejects(openModuleIssuer({ kind: 'module', name: 'other', module, config: {} }), {
      code: 'ISSUER_INVALID',
      details: { reason: /belongs to another user/ },
    })
  },
)

/** Each with a path of its own: a module is loaded once. */
function open(t: Test, text: string): Promise<Issuer> {
  count += 1
  const module = join(t.testdir(), `other-${count}.mjs`)
  writeFileSync(module, text)
  return openModuleIssuer({ kind: 'module', name: 'other', module, config: { pem: pair.certificatePem } })
}
