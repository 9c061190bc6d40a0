import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import { makeNextCa, retireCas, showCas } from '../../../src/server/next-ca.ts'
import { remindOfNextCa } from '../../../src/server/open-ca.ts'
import { openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { newCsr } from '../../support/csr.ts'
import { startPostgres } from '../../support/postgres.ts'

const dayMs = 86_400_000
const yearMs = 365 * dayMs
const files = ['ca.pem', 'ca.key'] as const

t.test('the next CA reaches agents through each server that is given it, and signs at one moment on all', async (t) => {
  const database = await (await startPostgres(t)).newDatabase()
  const { dirs, copy } = folders(t, ['first', 'second', 'ca-1', 'ca-2'])
  await openAuthority(dirs['ca-1'])
  copy('ca-1', 'ca-2')
  const serve = (dataDir: string, caDir: string) => openTestControlPlane(t, { dataDir, database, caDir })
  const [one, two] = [await serve(dirs.first, dirs['ca-1']), await serve(dirs.second, dirs['ca-2'])]
  const agent = await one.enroll()
  const heard = async (plane: TestControlPlane): Promise<number> => {
    const { body } = await plane.agent(agent).post('/heartbeat', { features: ['ca_pem'] })
    return certificatesIn(String(body['ca_pem']))
  }

  const at = Date.now() + 6 * yearMs
  const [present, next] = await makeNextCa(dirs['ca-1'], at)
  t.match([present?.state, next?.state], ['signs', 'next'])
  copy('ca-1', 'ca-2')
  t.same([await heard(one), await heard(two)], [1, 1], 'who runs has not read it')
  await Promise.all([one.close(), two.close()])
  const again = await serve(dirs.second, dirs['ca-2'])
  t.equal(await heard(again), 2)
  t.equal(readFileSync(join(dirs.second, 'ca.pem'), 'utf8'), readFileSync(join(dirs['ca-1'], 'ca.pem'), 'utf8'))

  const csr = await newCsr()
  const from = Date.parse(next?.signs_from ?? '')
  t.ok(from > at + 1.9 * yearMs && from < at + 2.1 * yearMs, 'two years for agents to get it')
  for (const dir of [dirs['ca-1'], dirs['ca-2']]) {
    const authority = await openAuthority(dir, false)
    const issuerAt = async (when: number) =>
      new X509Certificate(await authority.sign(csr, ['mail.example.net'], 47, when)).checkIssued(
        new X509Certificate(blocks(readFileSync(join(dir, 'ca.pem'), 'utf8'))[1] ?? ''),
      )
    t.same([await issuerAt(from - 1), await issuerAt(from)], [false, true])
  }
})

t.test('no other one is made before it signs, and none where there is no CA', async (t) => {
  const { dirs } = folders(t, ['ca', 'empty'])
  await openAuthority(dirs.ca)
  const now = Date.now()
  await makeNextCa(dirs.ca, now)
  const before = files.map((name) => readFileSync(join(dirs.ca, name), 'utf8'))

  await t.rejects(makeNextCa(dirs.ca, now + yearMs), { code: 'CONFIG_INVALID', details: { reason: /there already/ } })
  await t.rejects(makeNextCa(dirs.empty, now), { code: 'CA_MISSING' })
  await t.rejects(makeNextCa(join(dirs.empty, 'none'), now), { code: 'CA_MISSING' })

  t.same(
    files.map((name) => readFileSync(join(dirs.ca, name), 'utf8')),
    before,
  )
  t.equal((await makeNextCa(dirs.ca, now + 6 * yearMs)).length, 3, 'once it signs')
})

t.test('the files stay those of whom they are, and the key is for no others', async (t) => {
  const { dirs } = folders(t, ['ca'])
  await openAuthority(dirs.ca)
  const gid = process.getuid?.() === 0 ? 65_534 : (process.getgid?.() ?? 0)
  const [pem, key] = [join(dirs.ca, 'ca.pem'), join(dirs.ca, 'ca.key')]
  for (const path of [pem, key]) chownSync(path, process.getuid?.() ?? 0, gid)
  chmodSync(key, 0o644)
  chmodSync(pem, 0o640)

  await makeNextCa(dirs.ca, Date.now())

  t.same([statSync(key).gid, statSync(key).mode & 0o777], [gid, 0o640])
  t.same([statSync(pem).gid, statSync(pem).mode & 0o777], [gid, 0o640])
})

t.test('the folder of a server that runs is left to it', async (t) => {
  const { dataDir } = await openTestControlPlane(t)

  await t.rejects(makeNextCa(dataDir, Date.now()), { code: 'STATE_BUSY' })
  t.equal((await showCas(dataDir, Date.now())).length, 1)
})

t.test('a CA is retired when it has ended, with its key', async (t) => {
  const { dirs } = folders(t, ['ca'])
  await openAuthority(dirs.ca)
  const now = Date.now()
  const [first] = await makeNextCa(dirs.ca, now + 5 * yearMs)
  await t.rejects(retireCas(dirs.ca, now + 9 * yearMs), { code: 'CONFIG_INVALID', details: { ends: first?.not_after } })
  t.match(await showCas(dirs.ca, now + 9 * yearMs), [{ state: 'former' }, { state: 'signs' }])
  t.match(await showCas(dirs.ca, now + 10.5 * yearMs), [{ state: 'ended' }, { state: 'signs' }])

  const left = await retireCas(dirs.ca, now + 10.5 * yearMs)

  t.match(left, [{ state: 'signs', signs_from: null }])
  t.equal(left.length, 1)
  t.equal(readFileSync(join(dirs.ca, 'ca.key'), 'utf8').split('BEGIN').length - 1, 1)
})

t.test('a server that makes none by itself says once a day that one is due', async (t) => {
  const { dirs } = folders(t, ['ca'])
  const authority = await openAuthority(dirs.ca)
  const said: unknown[] = []
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (...args: unknown[]) => said.push(args) }
  const remind = remindOfNextCa(authority, log)
  const now = Date.now()

  remind(now + 4.9 * yearMs)
  t.same(said, [])
  for (const at of [0, dayMs - 1, dayMs]) remind(now + 5.1 * yearMs + at)
  t.equal(said.length, 2)
  t.match(said[0], [{ ca: [/^[0-9a-f]{16}$/] }, /waxseal control-plane ca next/])
})

t.test('a CA that openssl made is followed as well', async (t) => {
  const { dirs } = folders(t, ['ca'])
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(join(dirs.ca, 'ca.key'), String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
  const subject = ['-subj', '/CN=Example CA', '-days', '400', '-out', join(dirs.ca, 'ca.pem')]
  execFileSync('openssl', ['req', '-x509', '-new', '-key', join(dirs.ca, 'ca.key'), ...subject], { stdio: 'pipe' })

  t.match(await makeNextCa(dirs.ca, Date.now()), [{ state: 'signs' }, { state: 'next' }])
})

function folders<Name extends string>(t: Test, names: readonly Name[]) {
  const base = t.testdir({})
  const dirs = Object.fromEntries(names.map((name) => [name, join(base, name)])) as Readonly<Record<Name, string>>
  for (const name of names) mkdirSync(dirs[name])
  const copy = (from: Name, to: Name): void => {
    for (const file of files) copyFileSync(join(dirs[from], file), join(dirs[to], file))
  }
  return { dirs, copy }
}

function blocks(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

function certificatesIn(pem: string): number {
  return blocks(pem).length
}
