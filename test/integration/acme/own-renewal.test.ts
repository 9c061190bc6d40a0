import { X509Certificate } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { acmeKeyOf } from '../../../src/acme/acme-key.ts'
import { signJws } from '../../../src/acme/jws.ts'
import { openObtained } from '../../../src/deployer/own/obtained.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { allTaken, filesOf } from '../../support/deployer.ts'
import { openOwnSite, ownNames } from './own-site.ts'

t.test('a host without a control plane renews by itself, with the key that it has, and tells it later', async (t) => {
  const { ca, deployer, pair, renew } = await openOwnSite(t)
  const files = filesOf(deployer.dir, 'web')
  const keyBefore = await readFile(files.key, 'utf8')

  const said = await renew()
  const { reports } = await deployer.settled()

  t.same(said, [
    'the control plane cannot be reached: this host renews by itself',
    'renewed by this host itself, and handed over',
  ])
  const live = new X509Certificate(await readFile(files.cert, 'utf8'))
  t.equal(live.serialNumber.toLowerCase(), ca.issued[0]?.serial)
  t.equal(await readFile(files.key, 'utf8'), keyBefore, 'TLSA records that fit the key fit on')
  t.match(reports, [
    {
      report: {
        kind: 'renewed',
        targetId: 'web',
        replaces: pair.sha256,
        status: 'Completed',
        outcome: { outcome: 'deployed' },
      },
    },
  ])
  const keyFile = join(deployer.stateDir, 'acme-account.key')
  t.equal((await stat(keyFile)).mode & 0o777, 0o600)
  const { account } = await deployer.answer({ ask: 'renewals' })
  t.same(account, acmeKeyOf(await readFile(keyFile, 'utf8')).jwk)
  t.same(await renew(), [], 'nothing is due any more')
})

t.test('one order replaces the certificate of all targets that have it', async (t) => {
  const { ca, deployer, pair, renew } = await openOwnSite(t)
  await deployer.answer({ ask: 'take', jobs: [deployer.job('job-2', { targetId: 'imap' })] })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  await deployer.settled()

  await renew()
  await deployer.settled()

  t.equal(ca.issued.length, 1)
  for (const target of ['web', 'imap']) {
    const live = new X509Certificate(await readFile(filesOf(deployer.dir, target).cert, 'utf8'))
    t.equal(live.serialNumber.toLowerCase(), ca.issued[0]?.serial, target)
  }
})

t.test('one that cannot be renewed holds back no other, and one that has ended comes last', async (t) => {
  const [gone, bad] = ['gone.example.net', 'bad.example.net'].map((name) => [name] as const)
  const site = await openOwnSite(t, {
    refuse: ([name]) => (name === 'bad.example.net' ? { type: 'caa', detail: 'CAA records forbid it' } : null),
  })
  const { ca, deployer, renew } = site
  for (const [target, names, ends] of [
    ['imap', bad, 2],
    ['smtp', gone, 0.02],
  ] as const) {
    const [notBefore, notAfter] = [new Date(Date.now() - 95 * 60_000), new Date(Date.now() + ends * 60_000)]
    const pair = await deployer.authority.issue({ names: [...(names ?? [])], notBefore, notAfter })
    await deployer.keep(pair)
    await deployer.answer({ ask: 'take', jobs: [deployer.job(target, { targetId: target, certificateId: target })] })
    await deployer.answer({ ask: 'certificate', certificateId: target, pem: pair.certificatePem })
    await deployer.answer({ ask: 'work' })
    await deployer.settled()
  }
  const ended = (await deployer.answer({ ask: 'renewals' })).due.find(({ names }) => names[0] === 'gone.example.net')
  while (Date.now() <= (ended?.notAfter ?? 0)) await systemClock.sleep(20)
  const { due } = await deployer.answer({ ask: 'renewals' })

  const said = await renew({ onRenewed: async () => {} })

  t.same(
    due.map(({ names }) => names[0]),
    ['bad.example.net', 'mail.example.net', 'gone.example.net'],
  )
  t.match(
    said.find((line) => line.includes('not renewed')),
    /not renewed by this host itself: .*CAA records forbid it/,
  )
  t.same(
    ca.issued.map(({ names }) => names[0]),
    ['mail.example.net', 'gone.example.net'],
  )
})

t.test('a certificate whose deployment failed is deployed again, and not ordered again', async (t) => {
  const { ca, deployer, process, configure, renew } = await openOwnSite(t)
  const { cert } = filesOf(deployer.dir, 'web')
  await configure({}, ['false'])

  await renew()
  t.match((await deployer.settled()).reports, [{ report: { kind: 'renewed', status: 'Failed' } }])
  await deployer.answer(allTaken(await deployer.settled()))
  await configure()
  t.same(await renew(), [], 'nothing is ordered')
  t.same((await deployer.settled()).reports, [], 'it is not time yet')
  process.kill('SIGKILL')
  await process.exited
  const folder = join(deployer.stateDir, 'own-certificates')
  const documents = await openObtained(folder)
  for (const { id, document } of await documents.list()) await documents.put(id, { ...document, at: 0 })
  await deployer.start()
  t.same(await renew(), [])

  t.match((await deployer.settled()).reports, [{ report: { kind: 'renewed', status: 'Completed' } }])
  const live = new X509Certificate(await readFile(cert, 'utf8'))
  t.equal(live.serialNumber.toLowerCase(), ca.issued[0]?.serial)
  t.equal(ca.issued.length, 1)
})

t.test('a CA that is down, refuses, or sees no answer leaves the host as it is, and is asked again', async (t) => {
  const { ca, deployer, renew } = await openOwnSite(t)
  const { cert } = filesOf(deployer.dir, 'web')
  const before = await readFile(cert, 'utf8')

  ca.trouble({ kind: 'down' })
  t.match((await renew()).at(-1), /not renewed by this host itself: The ACME server gave no usable answer/)
  ca.trouble({ kind: 'refuses', at: 'order', problem: { type: 'caa', detail: 'CAA records forbid it' } })
  t.match((await renew()).at(-1), /CAA records forbid it/)
  t.equal(await readFile(cert, 'utf8'), before)
  ca.trouble({ kind: 'processing', looks: 2 })

  t.match((await renew()).at(-1), /renewed by this host itself/)
})

t.test('a deployer that ends in between goes on with the same account and the same key', async (t) => {
  const { ca, deployer, process, renew } = await openOwnSite(t)
  ca.trouble({ kind: 'refuses', at: 'finalize', problem: { type: 'serverInternal', detail: 'later', status: 500 } })
  await renew()
  ca.trouble(null)
  process.kill('SIGKILL')
  await process.exited
  await deployer.start()

  await renew()
  const { reports } = await deployer.settled()

  t.equal(ca.accounts, 1)
  t.match(reports, [{ report: { kind: 'renewed', status: 'Completed' } }])
})

t.test('a certificate that the deployer was killed at is deployed after the next start, and told once', async (t) => {
  const { ca, deployer, process, renew } = await openOwnSite(t)
  await renew({
    onRenewed: async () => {
      process.kill('SIGKILL')
      await process.exited
    },
  })
  await deployer.start()

  const { reports } = await deployer.settled()

  const live = new X509Certificate(await readFile(filesOf(deployer.dir, 'web').cert, 'utf8'))
  t.equal(live.serialNumber.toLowerCase(), ca.issued[0]?.serial)
  t.equal(reports.filter(({ report }) => report.kind === 'renewed').length, 1)
})

t.test('what policy does not allow is not ordered', async (t) => {
  const { ca, renew } = await openOwnSite(t, {}, { names: ['*.example.org'] })

  t.same(await renew(), [])

  t.equal(ca.counts.get('newOrder') ?? 0, 0)
})

t.test('a hostile courier gets nothing signed, answered or deployed but the renewal that is due', async (t) => {
  const { ca, deployer, pair } = await openOwnSite(t)
  const { account } = await deployer.answer({ ask: 'renewals' })
  const refused = async (ask: Parameters<typeof deployer.ask>[0], code: string): Promise<void> => {
    t.match(await deployer.ask(ask), { error: { code } }, JSON.stringify(ask).slice(0, 120))
  }
  const base = ca.directoryUrl.replace('/directory', '')
  const unsigned = { jwk: account ?? ({} as never), sign: async () => Buffer.alloc(64) }
  const sign = async (payload: object, url = `${base}/newOrder`) => {
    const signer = { kid: `${base}/account/1` }
    const { protected: header, payload: text } = await signJws(unsigned, signer, { url, nonce: 'nonce', payload })
    return { ask: 'sign', protected: header, payload: text } as const
  }
  const identifiers = ownNames.map((value) => ({ type: 'dns', value }))
  const other = await deployer.authority.issue({ names: ['evil.example.org'] })
  const sameNames = await deployer.authority.issue({ names: [...ownNames] })
  const sameKey = await deployer.authority.issue({ names: ['evil.example.org'], keyOf: pair })

  await refused(await sign({ identifiers: [{ type: 'dns', value: 'evil.example.org' }] }), 'SIGNING_NOT_ALLOWED')
  await refused(await sign({ identifiers, profile: 'longlived' }), 'SIGNING_NOT_ALLOWED')
  await refused(await sign({ identifiers, replaces: 'AAAA.BBBB' }), 'SIGNING_NOT_ALLOWED')
  await refused(await sign({ csr: 'AAAA' }), 'SIGNING_NOT_ALLOWED')
  await refused(await sign({ identifiers }, 'https://other.example/newOrder'), 'SIGNING_NOT_ALLOWED')
  const [name, token] = [ownNames[0], 'token_of-a-challenge']
  await refused({ ask: 'challenge', leaf: 'a'.repeat(64), name, token }, 'SIGNING_NOT_ALLOWED')
  await refused({ ask: 'challenge', leaf: pair.sha256, name: 'shop.example.org', token }, 'SIGNING_NOT_ALLOWED')
  await refused({ ask: 'csr', leaf: other.sha256 }, 'SIGNING_NOT_ALLOWED')
  await refused({ ask: 'renewed', leaf: other.sha256, pem: other.certificatePem }, 'SIGNING_NOT_ALLOWED')
  await refused({ ask: 'renewed', leaf: pair.sha256, pem: sameNames.certificatePem }, 'KEY_MISMATCH')
  await refused({ ask: 'renewed', leaf: pair.sha256, pem: sameKey.certificatePem }, 'NAMES_UNRELATED')
  await refused({ ask: 'renewed', leaf: pair.sha256, pem: pair.certificatePem }, 'CERTIFICATE_OLDER')
  await refused({ ask: 'renewed', leaf: pair.sha256, pem: 'nothing' }, 'MATERIAL_INVALID')
  const itsOwn = await (await makeAuthority()).issue({ names: [...ownNames], keyOf: pair })
  const chain = `${itsOwn.certificatePem}${deployer.authority.certificatePem}${ca.rootPem}`
  await refused({ ask: 'renewed', leaf: pair.sha256, pem: itsOwn.certificatePem }, 'TRUST_LOST')
  await refused({ ask: 'renewed', leaf: pair.sha256, pem: chain }, 'TRUST_LOST')

  // Five orders, each signed again for a nonce that was too old, and for what it replaces.
  for (let order = 0; order < 15; order += 1)
    t.match(await deployer.ask(await sign({ identifiers })), { signature: /./ })
  await refused(await sign({ identifiers }), 'LIMIT_EXCEEDED')
  t.same(await readdir(`${deployer.stateDir}-acme`).catch(() => []), [])
  const { sha256: replaces, certificatePem } = pair
  const own = {
    kind: 'own-renewal',
    id: 'own-1',
    certificateId: 'own-1',
    targetId: 'web',
    replaces,
    certificatePem,
  } as const
  t.match(
    await deployer.ask({ ask: 'take', jobs: [own] }),
    { error: {} },
    'it comes from nobody but the deployer itself',
  )
  await deployer.configure({ policy: { roots: [deployer.dir], commands: ['true'] } })
  await refused(await sign({ identifiers }), 'SIGNING_NOT_ALLOWED')
  t.same(
    await deployer.answer({ ask: 'renewals' }),
    { account: null, due: [] },
    'what is withdrawn is in force at once',
  )
})
