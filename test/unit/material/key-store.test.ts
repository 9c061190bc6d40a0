import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { limits } from '../../../src/limit/limits.ts'
import { type KeyStore, openKeyStore } from '../../../src/material/key-store.ts'

t.test('a key is a file (0600 below 0700) named by its SPKI digest', async (t) => {
  const { path, store } = await open(t)

  const key = await store.create(async () => new Set())

  t.same(await readdir(path), [`${key.spkiSha256}.pem`])
  t.equal(await modeOf(path), 0o700)
  t.equal(await modeOf(join(path, `${key.spkiSha256}.pem`)), 0o600)
  t.equal(await readFile(join(path, `${key.spkiSha256}.pem`), 'utf8'), key.keyPem)
})

t.test('a new key is ECDSA P-256', async (t) => {
  const { store } = await open(t)

  const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(
    (await store.create(async () => new Set())).keyPem,
  )

  t.equal(asymmetricKeyType, 'ec')
  t.equal(asymmetricKeyDetails?.namedCurve, 'prime256v1')
})

t.test('a flood of requests makes a bounded number of keys a day, and in all', async (t) => {
  const { path, store } = await open(t)
  const make = async (count: number, made: Date): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const file = join(path, `${made.getTime()}-${index}.pem`)
      await writeFile(file, '', { mode: 0o600 })
      await utimes(file, made, made)
    }
  }
  await make(limits.keysPerDay.most - 1, new Date())
  await make(10, new Date(Date.now() - 2 * 86_400_000))

  await store.create(async () => new Set())
  await t.rejects(
    store.create(async () => new Set()),
    { code: 'LIMIT_EXCEEDED', details: { limit: 'keysPerDay', most: 500 } },
  )
  await t.rejects(
    (await openKeyStore(path)).create(async () => new Set()),
    { code: 'LIMIT_EXCEEDED' },
    'nor after a restart',
  )
})

t.test('in a full store the oldest key that nothing uses makes room, and no young one does', async (t) => {
  const { path, store } = await open(t)
  const days = (count: number): Date => new Date(Date.now() - count * 86_400_000)
  const fileOf = (index: number): string => `${String(index).padStart(64, '0')}.pem`
  const fill = async (index: number, made: Date): Promise<void> => {
    await writeFile(join(path, fileOf(index)), '', { mode: 0o600 })
    await utimes(join(path, fileOf(index)), made, made)
  }
  for (let index = 0; index < limits.keysKept.most; index += 1) await fill(index, days(13))
  const none = async (): Promise<ReadonlySet<string>> => new Set()
  await t.rejects(store.create(none), { code: 'LIMIT_EXCEEDED', details: { limit: 'keysKept' } })
  await fill(7, days(30))
  await fill(8, days(20))

  await t.rejects(
    store.create(async () => new Set([7, 8].map((index) => fileOf(index).slice(0, 64)))),
    {
      code: 'LIMIT_EXCEEDED',
    },
  )
  const { spkiSha256 } = await store.create(async () => new Set([fileOf(7).slice(0, 64)]))

  const names = new Set(await readdir(path))
  t.same([names.has(fileOf(7)), names.has(fileOf(8)), names.has(`${spkiSha256}.pem`)], [true, false, true])
  t.equal(names.size, limits.keysKept.most)
})

t.test('a key is found by its digest, also by the next process', async (t) => {
  const { path, store } = await open(t)
  const key = await store.create(async () => new Set())

  t.equal(await store.find(key.spkiSha256), key.keyPem)
  t.equal(await (await openKeyStore(path)).find(key.spkiSha256), key.keyPem)
  t.equal(await store.find('0'.repeat(64)), null)
})

t.test('keys of the agent before this one are found by what they are, and their folder stays as it is', async (t) => {
  const { path } = await open(t)
  const foreign = join(path, '..', 'foreign')
  await mkdir(foreign)
  for (const [name, text] of [
    ['readme.txt', 'x'],
    ['cert-torn.key', '-----BEGIN EC PRIVATE KEY-----\nMHc'],
    ['big.key', 'x'.repeat(2_000_000)],
  ] as const)
    await writeFile(join(foreign, name), text)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeFile(join(foreign, 'cert-1795-50.key'), privateKey.export({ type: 'sec1', format: 'pem' }), {
    mode: 0o600,
  })
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
  await chmod(foreign, 0o500)
  const before = await readdir(foreign)

  const store = await openKeyStore(path, foreign)

  t.equal(await store.find(digest), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  t.equal(await store.find('0'.repeat(64)), null)
  const { spkiSha256 } = await store.create(async () => new Set())
  t.same(await readdir(path), [`${spkiSha256}.pem`])
  t.same(await readdir(foreign), before)
  t.equal(await (await openKeyStore(path, '/nowhere/keys')).find(digest), null)
})

t.test('a new key takes the place of no other', async (t) => {
  const { path, store } = await open(t)

  const keys = await Promise.all([
    store.create(async () => new Set()),
    store.create(async () => new Set()),
    store.create(async () => new Set()),
  ])

  t.equal((await readdir(path)).length, 3)
  for (const { spkiSha256, keyPem } of keys) t.equal(await store.find(spkiSha256), keyPem)
})

t.test('a hostile digest names no file', async (t) => {
  const { path, store } = await open(t)
  const { spkiSha256, keyPem } = await store.create(async () => new Set())
  await writeFile(join(path, '..', 'outside.pem'), keyPem)
  await writeFile(join(path, '.pem'), keyPem)

  for (const digest of ['../outside', `../keys/${spkiSha256}`, '', '\0', spkiSha256.toUpperCase(), `${spkiSha256}\n`]) {
    t.equal(await store.find(digest), null, JSON.stringify(digest))
  }
})

t.test('a file that holds another key than its name says, or none, is not believed', async (t) => {
  const { path, store } = await open(t)
  const [first, second] = [await store.create(async () => new Set()), await store.create(async () => new Set())]

  await writeFile(join(path, `${first.spkiSha256}.pem`), second.keyPem)
  t.equal(await store.find(first.spkiSha256), null)
  await writeFile(join(path, `${first.spkiSha256}.pem`), first.keyPem.slice(0, 100))
  t.equal(await store.find(first.spkiSha256), null)
})

t.test('a folder that others could enter is closed to them', async (t) => {
  const { path } = await open(t)
  await chmod(path, 0o755)

  await openKeyStore(path)

  t.equal(await modeOf(path), 0o700)
})

async function open(t: Test): Promise<{ readonly path: string; readonly store: KeyStore }> {
  const path = join(t.testdir(), 'keys')
  return { path, store: await openKeyStore(path) }
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}
