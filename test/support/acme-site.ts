import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openAuthority } from '../../src/server/authority/authority.ts'
import type { AcmeIssuerConfig } from '../../src/server/config/server-config.ts'
import { type AcmeIssuer, type AcmeParts, acmeIssuer } from '../../src/server/issuer/acme/acme-issuer.ts'
import type { Solver } from '../../src/server/issuer/acme/solver.ts'
import { namesOf, openSigner, type Signer } from '../../src/server/operation/certificate/signer.ts'
import { openStore } from '../../src/server/store/open-store.ts'
import type { SigningRow } from '../../src/server/store/rows.ts'
import type { Store } from '../../src/server/store/store.ts'
import type { AcmeCaOptions } from './acme-ca/acme-ca.ts'
import { type ServedAcmeCa, serveAcmeCa } from './acme-ca/serve-acme-ca.ts'
import { newCsr } from './csr.ts'
import { agentRow, certificateRow } from './store-site.ts'

const dayMs = 86_400_000

/** A store, an ACME CA that looks for its proofs, and the zone in which they are published, without a server. */
export interface AcmeSite {
  readonly store: Store
  readonly ca: ServedAcmeCa
  /** What is published: `NAME VALUE`. */
  readonly zone: Set<string>
  readonly config: AcmeIssuerConfig
  readonly solver: Solver
  now(): number
  pass(ms: number): void
  /** One server: its issuer with its signer. All of it may be exchanged, to let it die. */
  server(changes?: {
    readonly store?: Store
    readonly solver?: Solver
    readonly config?: Partial<AcmeIssuerConfig>
    readonly caa?: AcmeParts['caa']
    readonly lookAtAnswers?: AcmeParts['lookAtAnswers']
  }): { readonly issuer: AcmeIssuer; readonly signer: Signer }
  /** A certificate for these names whose CSR has come; returns the id of what is to be signed. */
  asked(names: readonly string[]): Promise<string>
  /** One more CSR for a certificate that is there. */
  again(certificateId: string): Promise<string>
  /** Lets time pass, in which a server signs what is due, until this one is no more open. */
  follow(signer: Signer, id: string): Promise<SigningRow>
}

/** Its clock stands still, but for `pass`. */
export async function openAcmeSite(t: Test, database?: string, options: AcmeCaOptions = {}): Promise<AcmeSite> {
  let now = Date.parse('2027-01-01T00:00:00Z')
  const zone = new Set<string>()
  const ca = await serveAcmeCa({
    now: () => now,
    look: async ({ name, keyAuthorization }) =>
      [...zone].some((text) => text.startsWith(`${name} `)) && keyAuthorization !== ''
        ? null
        : { type: 'unauthorized', detail: 'no TXT record was found' },
    ...options,
  })
  t.teardown(() => ca.close())
  const dir = t.testdir()
  const dataDir = join(dir, randomUUID())
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'https-ca.pem'), ca.httpsCaPem)
  const store = await openStore({ dataDir, database, now: () => now })
  t.teardown(() => store.close())
  await store.agents.add(agentRow())
  const authority = await openAuthority(dataDir)
  const config: AcmeIssuerConfig = {
    kind: 'acme',
    name: 'test',
    directory: ca.directoryUrl,
    accountKey: null,
    contact: [],
    eab: null,
    profile: null,
    caFile: join(dataDir, 'https-ca.pem'),
    challenges: ['dns'],
    looksFirst: true,
    limits: { sameNames: null, registeredDomain: null, orders: null, failures: null },
  }
  const solver: Solver = {
    kind: 'dns',
    placeFor: async (name) => name,
    publish: async (proofs) => {
      for (const { name, value } of proofs) zone.add(`${name} ${value}`)
      return proofs
    },
    whyNotSeen: async () => null,
    remove: async (proofs) => {
      for (const { name, value } of proofs) zone.delete(`${name} ${value}`)
    },
  }
  const site: AcmeSite = {
    store,
    ca,
    zone,
    config,
    solver,
    now: () => now,
    pass: (ms) => {
      now += ms
    },
    server: (changes = {}) => {
      const own = changes.store ?? store
      // CAA records are none of this site's: no question leaves the machine.
      const caa = changes.caa ?? (async () => null)
      const lookAtAnswers = changes.lookAtAnswers ?? (async () => null)
      const parts = { store: own, dataDir, solvers: [changes.solver ?? solver], caa, lookAtAnswers }
      const issuer = acmeIssuer({ ...config, ...changes.config }, parts)
      return { issuer, signer: openSigner({ store: own, check: authority.check, issuers: [issuer] }) }
    },
    asked: async (names) => {
      const certificateId = `certificate-${randomUUID()}`
      const [commonName = '', ...sans] = names
      await store.certificates.add(certificateRow({ id: certificateId, commonName, sans }), [])
      return site.again(certificateId)
    },
    again: async (certificateId) => {
      const id = `signing-${randomUUID()}`
      const certificate = await store.certificates.byId(certificateId)
      const names = certificate === null ? [] : namesOf(certificate)
      const csrPem = await newCsr(names)
      const spki = await authority.check(csrPem, names)
      const open = { jobId: null, state: 'open', attempts: 0, nextTryAt: now, error: null } as const
      await store.signings.add({ id, certificateId, csrPem, spki, ...open })
      return id
    },
    follow: async (signer, id) => {
      for (const end = now + 30 * dayMs; now < end; ) {
        await signer.signDue()
        const row = await store.signings.byId(id)
        if (row === null) throw new Error(`there is no ${id}`)
        if (row.state !== 'open') return row
        now = Math.max(now + 1, row.nextTryAt)
      }
      throw new Error(`${id} is open after a month: ${(await store.signings.byId(id))?.error}`)
    },
  }
  return site
}
