import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Discoverer } from '../../../../src/deployer/discover/discoverer.ts'
import { openToldPlaces } from '../../../../src/deployer/discover/told-places.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net', 'imap.example.net'] })
const other = await authority.issue({ names: ['www.example.net'] })
const [listener, another] = ['a'.repeat(64), 'b'.repeat(64)]

async function open(t: Test, isSearched = true) {
  let isStill = isSearched
  const dir = t.testdir({ tls: { 'mail.pem': pair.keyPem + pair.certificatePem }, state: {} })
  const [folder, stateDir] = [join(dir, 'tls'), join(dir, 'state')]
  const clock = fakeClock()
  const start = async (): Promise<Discoverer> =>
    new Discoverer({
      folders: async () => (isStill ? [dir] : []),
      stateDir,
      told: openToldPlaces(join(stateDir, 'discovered')),
      clock,
      closing: new AbortController().signal,
    })
  const empty = (): void => {
    isStill = false
  }
  return { dir, folder, stateDir, clock, start, empty, discoverer: await start() }
}

t.test('a certificate is found with all that is listed of it, and without its key', async (t) => {
  const { discoverer, folder, dir } = await open(t)

  const found = await discoverer.discover(listener)

  t.match(found, { folders: [dir], isMore: false, gone: [], errors: [] })
  t.match(found.certificates, [
    {
      sha256: pair.sha256,
      path: join(folder, 'mail.pem'),
      format: 'PEM',
      commonName: 'mail.example.net',
      sans: ['mail.example.net', 'imap.example.net'],
      issuer: 'CN=Waxseal test CA',
      subject: 'CN=mail.example.net',
      keyAlgorithm: 'ECDSA',
      keySize: 256,
      isCa: false,
    },
  ])
  t.match(found.certificates[0]?.pem, /^-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n$/)
  t.notMatch(JSON.stringify(found), /PRIVATE/)
})

t.test(
  'what was told is not found again, by a later deployer either; another listener has heard nothing',
  async (t) => {
    const { discoverer, start } = await open(t)
    const { certificates } = await discoverer.discover(listener)
    await discoverer.note(listener, certificates, [])

    t.same((await (await start()).discover(listener)).certificates, [])
    t.equal((await discoverer.discover(another)).certificates.length, 1)
  },
)

t.test('what was found and not told is found again: twice rather than never', async (t) => {
  const { discoverer } = await open(t)
  await discoverer.discover(listener)

  t.equal((await discoverer.discover(listener)).certificates.length, 1)
})

t.test('after thirty days it is told again', async (t) => {
  const { discoverer, clock } = await open(t)
  const { certificates } = await discoverer.discover(listener)
  await discoverer.note(listener, certificates, [])

  clock.advance(29 * 86_400_000)
  t.same((await discoverer.discover(listener)).certificates, [])
  clock.advance(86_400_000)
  t.equal((await discoverer.discover(listener)).certificates.length, 1)
})

t.test('what took the place of another is new, and the other is gone, once', async (t) => {
  const { discoverer, folder, clock } = await open(t)
  const { certificates } = await discoverer.discover(listener)
  await discoverer.note(listener, certificates, [])
  writeFileSync(join(folder, 'mail.pem'), other.certificatePem)
  clock.advance(60_000)

  const found = await discoverer.discover(listener)
  await discoverer.note(listener, found.certificates, found.gone)

  t.match(found.certificates, [{ sha256: other.sha256 }])
  t.same(found.gone, [{ sha256: pair.sha256, path: join(folder, 'mail.pem') }])
  t.match(await discoverer.discover(listener), { certificates: [], gone: [] })
})

t.test('where not all could be looked at nothing is gone', async (t) => {
  const { discoverer, folder, clock } = await open(t)
  const { certificates } = await discoverer.discover(listener)
  await discoverer.note(listener, certificates, [])
  clock.advance(60_000)
  rmSync(join(folder, 'mail.pem'))
  await mkdir(join(folder, 'a/b/c/d/e/f/g/h/i/j/k'), { recursive: true })

  const found = await discoverer.discover(listener)

  t.same(found.gone, [])
  t.match(found.errors, [/too deep/])
})

t.test('the state directory is not searched', async (t) => {
  const { discoverer, stateDir } = await open(t)
  writeFileSync(join(stateDir, 'other.pem'), other.certificatePem)

  t.match((await discoverer.discover(listener)).certificates, [{ sha256: pair.sha256 }])
})

t.test('more than fits into a document comes in parts', async (t) => {
  const { discoverer, folder } = await open(t)
  for (let count = 0; count < 1100; count += 1) writeFileSync(join(folder, `${count}.pem`), pair.certificatePem)

  const first = await discoverer.discover(listener)
  await discoverer.note(listener, first.certificates, [])
  const second = await discoverer.discover(listener)

  t.match([first.isMore, first.certificates.length], [true, 1000])
  t.match([second.isMore, second.certificates.length], [false, 101])
})

t.test('who asks without an end has the folders searched once a minute', async (t) => {
  const { discoverer, folder, clock } = await open(t)
  await discoverer.discover(listener)
  writeFileSync(join(folder, 'other.pem'), other.certificatePem)

  for (let count = 0; count < 3; count += 1) t.equal((await discoverer.discover(listener)).certificates.length, 1)
  clock.advance(60_000)
  t.equal((await discoverer.discover(listener)).certificates.length, 2)
})

t.test('a torn memory has all told again, and is set aside', async (t) => {
  const { discoverer, stateDir, start } = await open(t)
  const { certificates } = await discoverer.discover(listener)
  await discoverer.note(listener, certificates, [])
  const folder = join(stateDir, 'discovered')
  const [name = ''] = readdirSync(folder)
  writeFileSync(join(folder, name), readFileSync(join(folder, name)).subarray(0, 50))

  t.equal((await (await start()).discover(listener)).certificates.length, 1)
  t.same(readdirSync(folder), [`${name}.aside`])
})

t.test('without folders nothing is searched', async (t) => {
  const { discoverer } = await open(t, false)

  t.match(await discoverer.discover(listener), { folders: [], certificates: [], errors: [] })
})

t.test('where the folders are taken out of the configuration all that was told is gone', async (t) => {
  const { discoverer, empty } = await open(t)
  const { certificates } = await discoverer.discover(listener)
  await discoverer.note(listener, certificates, [])
  empty()

  const found = await discoverer.discover(listener)
  t.match(found, { folders: [], certificates: [], gone: [{ sha256: pair.sha256 }], isMore: false })
  await discoverer.note(listener, [], found.gone)
  t.match(await discoverer.discover(listener), { gone: [] })
})
