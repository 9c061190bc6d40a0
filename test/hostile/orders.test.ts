import { createPrivateKey, sign } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { createCertificateRequest } from '../../src/material/certificate-request.ts'
import { parseCertificates } from '../../src/material/parse-certificate.ts'
import { type SignedOrder, signedBytes } from '../../src/order/signed-order.ts'
import { orderBytes, type StandingOrder } from '../../src/order/standing-order.ts'
import { openAuthority } from '../../src/server/authority/authority.ts'
import { makeAuthority } from '../support/certificates.ts'
import { openDeployer } from '../support/deployer.ts'
import { targetOf } from '../support/deployment.ts'
import { issuerOf, makeSigner, orderedHost, orderFor, orderTime } from '../support/orders.ts'
import { servedLeaf } from '../support/served-leaf.ts'
import { startSite } from '../support/site.ts'
import { startHostileSite } from './support/hostile-site.ts'

type Fields = Readonly<Record<string, unknown>>

const dayMs = 86_400_000
const [signer, stranger] = [makeSigner(), makeSigner()]
const orders = { keys: [signer.spki], host: orderedHost }

/** Who signs well and writes badly. */
function signedText(text: string | Uint8Array): SignedOrder {
  const bytes = Buffer.from(text)
  const signature = sign(null, signedBytes(bytes), createPrivateKey(signer.keyPem)).toString('base64')
  const { key } = signer.sign(orderFor({ id: 'x', name: 'x', type: 'x', config: {} }))
  return { document: bytes.toString('base64'), signature, key }
}

interface Vectors {
  readonly accepted: readonly SignedOrder[]
  readonly refused: readonly SignedOrder[]
}

const vectors = JSON.parse(
  await readFile(new URL('../../docs/design/order-vectors.json', import.meta.url), 'utf8'),
) as Vectors

t.test('on a host that pins a key', async (t) => {
  // Any name, so that only the orders are in the way.
  const site = await startHostileSite({ policy: { orders, names: undefined } })
  t.teardown(() => site.close())
  const { dir, etc, daemon, canaries } = site
  const caPem = await readFile(join(dir, 'ca.pem'), 'utf8')
  const target = { id: 'honest', name: 'mail', type: 'Postfix', config: targetOf(daemon) }
  const order = (changes: Partial<StandingOrder> = {}): StandingOrder =>
    orderFor(target, { issuer: issuerOf(caPem), ...changes })
  const good = signer.sign(order())
  const text = Buffer.from(orderBytes(order())).toString('utf8')
  const keys = (): Promise<readonly string[]> => readdir(join(dir, 'state/keys'))
  const live = async (): Promise<unknown> => ({
    files: await Promise.all([daemon.certPath, daemon.keyPath].map((path) => readFile(path, 'utf8'))),
    served: await Promise.all(daemon.ports.map(servedLeaf)),
    beside: [...(await readdir(dirname(daemon.certPath))), ...(await readdir(etc))].toSorted(),
    keys: (await keys()).toSorted(),
    taken: (await readdir(join(dir, 'state/orders'))).toSorted(),
  })
  /** A deployment, a key and a way back. */
  const jobsWith = (more: Fields): readonly (Fields & { readonly id: string })[] => {
    const ordered = { target_id: 'honest', ...more }
    return [
      site.deployment(targetOf(daemon), ordered),
      site.deployment({}, { ...ordered, type: 'TakeBack', generation: 1 }),
      site.deployment(
        {},
        { type: 'Issuance', status: 'AwaitingCSR', common_name: 'mail.example.net', sans: [], ...more },
      ),
    ]
  }
  const allRefused = async (t: Test, claim: string, jobs: readonly (Fields & { readonly id: string })[]) => {
    const before = await live()
    site.send(...jobs)
    for (const { id, type } of jobs)
      t.match(await site.finalOf(id), { status: 'Failed', error: /^ORDER_[A-Z]+: / }, `${claim}: ${String(type)}`)
    t.same(await live(), before, claim)
  }

  t.test('honest work under an order is done, twice', async (t) => {
    t.equal(await site.honestWork({ order: good }), null)
    t.equal(await site.honestWork({ order: good }), null)
  })

  t.test('a job with no order, or with what is none, makes, deploys and takes back nothing', async (t) => {
    const none = [undefined, null, 'x', 7, true, [], {}, [good], { document: good.document }, { order: good }]
    const odd = [
      { ...good, document: [good.document] },
      { ...good, signature: good.signature.slice(0, -1) },
      { ...good, signature: `${good.signature}\n` },
      { ...good, document: `${good.document}\n` },
      { ...good, document: '' },
      { ...good, key: good.key.toUpperCase() },
      JSON.parse('{"__proto__":{"document":"","signature":"","key":""}}') as Fields,
    ]
    await allRefused(
      t,
      'none',
      [...none, ...odd].flatMap((one) => jobsWith({ order: one })),
    )
  })

  t.test('an order that is too large, in any part, is none', async (t) => {
    for (const size of [16_385, 200_000]) {
      const large = signedText(`{"order":1,"host":"${'a'.repeat(size)}"}`)
      await allRefused(t, `${size} bytes`, jobsWith({ order: large }).slice(0, 2))
    }
    await allRefused(t, 'a signature', jobsWith({ order: { ...good, signature: 'A'.repeat(200_000) } }))
    await allRefused(t, 'a key', jobsWith({ order: { ...good, key: 'a'.repeat(200_000) } }))
  })

  t.test('an order that another key signed, or nobody, is refused', async (t) => {
    const other = stranger.sign(order())
    const changed = (from: string, to: string): SignedOrder => ({
      ...good,
      document: Buffer.from(text.replace(from, to)).toString('base64'),
    })
    const forged = [
      other,
      { ...other, key: good.key },
      { ...good, signature: other.signature },
      { ...good, signature: Buffer.alloc(64).toString('base64') },
      changed('mail.example.net', 'evil.example.net'),
      changed(orderedHost, 'mx2.example.net'),
      changed('"sequence":1000', '"sequence":9000'),
      changed('"spki_sha256"', '"spki_sha257"'),
      ...vectors.accepted,
      ...vectors.refused,
    ]
    await allRefused(
      t,
      'forged',
      forged.flatMap((one) => jobsWith({ order: one })),
    )
  })

  t.test('an order with the right signature and two spellings is refused', async (t) => {
    const spelled = [
      `${text}\n`,
      ` ${text}`,
      `\ufeff${text}`,
      text + text,
      `${text}\0`,
      text.replace('"host":', '"host":"mx2.example.net","host":'),
      text.replace(/"host":"[^"]*"/, (field) => `${field},${field}`),
      text.replace('"cert_path":', '"cert_path":"/etc/passwd","cert_path":'),
      text.replace('"names":', '"\\u006eames":'),
      text.replace('"order":1', '"order":1.0'),
      JSON.stringify(order()),
      JSON.stringify(order(), null, 1),
    ]
    for (const one of spelled) t.not(one, text)
    await allRefused(
      t,
      'spelled',
      spelled.flatMap((one) => jobsWith({ order: signedText(one) })),
    )
  })

  t.test('an order of another host, time or sequence is refused, and one of another target, too', async (t) => {
    const replayed = [
      signer.sign(order({ host: 'mx2.example.net' })),
      signer.sign(order({ host: `x.${orderedHost}` })),
      signer.sign(order({ not_before: orderTime(-9 * dayMs), not_after: orderTime(-8 * dayMs), sequence: 2000 })),
      signer.sign(order({ not_before: orderTime(8 * dayMs), not_after: orderTime(9 * dayMs), sequence: 2000 })),
      signer.sign(order({ sequence: 999 })),
      signer.sign(order({ names: ['mail.example.net', 'evil.example.net'] })),
    ]
    await allRefused(
      t,
      'replayed',
      replayed.flatMap((one) => jobsWith({ order: one })),
    )
    const elsewhere = signer.sign(order({ target: { ...target, id: 'other' } }))
    await allRefused(t, 'another target', jobsWith({ order: elsewhere }).slice(0, 2))
    await allRefused(t, 'a job for another target', jobsWith({ order: good, target_id: 'other' }).slice(0, 2))
  })

  t.test('a CSR for a name that the order has not is refused', async (t) => {
    const csr = (more: Fields): Fields & { readonly id: string } =>
      site.deployment(
        {},
        { type: 'Issuance', status: 'AwaitingCSR', common_name: 'mail.example.net', order: good, ...more },
      )
    await allRefused(t, 'names', [
      csr({ sans: ['evil.example.net'] }),
      csr({ common_name: 'evil.example.net' }),
      csr({ sans: ['*.example.net'] }),
      csr({ sans: ['127.0.0.1'] }),
      csr({ sans: ['mail.example.net.evil.example'] }),
      csr({ sans: ['mail.example.net\0.evil.example'] }),
    ])
  })

  t.test('a certificate with other names, or of another issuer, for a key of the host is refused', async (t) => {
    const keyPem = await readFile(join(dir, 'state/keys', (await keys())[0] ?? ''), 'utf8')
    const [commonName, ...sans] = ['mail.example.net', 'evil.example.net']
    const csr = await createCertificateRequest({ commonName: commonName ?? '', sans, keyPem })
    const authority = await openAuthority(join(dir, 'ca'))
    const wider = await authority.sign(csr, ['mail.example.net', 'evil.example.net'], 90)
    const keyOf = { keyPem, certificatePem: '', chainPem: '', sha256: '' }
    const foreign = await (await makeAuthority('Another CA')).issue({ names: ['mail.example.net'], keyOf })
    const impostor = await makeAuthority(parseCertificates(caPem)[0]?.subject.replace(/^CN=/, ''))
    const likely = await impostor.issue({ names: ['mail.example.net'], keyOf })
    for (const [claim, pem] of [
      ['other names', wider + caPem],
      ['another issuer', foreign.certificatePem],
      ['an issuer of the same name', likely.certificatePem + impostor.certificatePem],
    ] as const) {
      site.certificate = pem
      for (const issuers of [undefined, caPem, pem + impostor.certificatePem + caPem, 'x'.repeat(9000), 7])
        await allRefused(t, claim, [
          site.deployment(targetOf(daemon), { target_id: 'honest', order: { ...good, issuers } }),
        ])
    }
    for (const pem of [likely.certificatePem + caPem, foreign.certificatePem + caPem]) {
      site.certificate = pem
      const job = site.deployment(targetOf(daemon), { target_id: 'honest', order: good })
      const before = await live()
      site.send(job)
      t.match(await site.finalOf(job.id), { status: 'Failed', error: /^(CHAIN_BROKEN|ORDER_EXCEEDED): / })
      t.same(await live(), before)
    }
  })

  t.test('what a job says of its target counts for nothing: what was signed is deployed', async (t) => {
    const program = await canaries.program(join(etc, 'bin/program'))
    const evil = join(etc, 'evil.pem')
    t.equal(await site.honestWork({ order: good }), null)
    const jobs = [
      { target_config: { ...targetOf(daemon), cert_path: evil } },
      { target_config: { ...targetOf(daemon), reload_command: program, validate_command: program } },
      { target_config: { ...targetOf(daemon), key_path: evil, key_file_mode: '0644' } },
      { target_type: 'Caddy', target_config: { mode: 'file', cert_dir: etc, reload_command: program } },
      { target_config: {}, instance: 'evil', target_name: 'a lie' },
    ].map((more) => site.deployment({}, { target_id: 'honest', order: good, ...more }))
    const before = await live()
    site.send(...jobs)

    for (const { id } of jobs) t.match(await site.finalOf(id), { status: 'Completed', outcome: { code: null } })
    t.same(await live(), before)
    await t.rejects(stat(evil), { code: 'ENOENT' })
    t.same(await canaries.touched(), [])
  })

  t.test('after all of this honest work goes on, and the agent has not ended', async (t) => {
    t.equal(await site.honestWork({ order: good }), null)
    t.equal(await site.honestWork({ order: signer.sign(order({ sequence: 1001 })) }), null)
    await allRefused(t, 'the order of before', jobsWith({ order: good }))
    await site.restart()
    await allRefused(t, 'the order of before, after a start', jobsWith({ order: good }))
    t.notOk(canaries.toldIn(...site.said()), 'the secret is told')
    t.same(await canaries.touched(), [])
  })
})

t.test(
  'whoever writes in the database of the control plane as he likes gains nothing that no order covers',
  async (t) => {
    const site = await startSite({}, { orders: { ...orders, host: undefined } })
    t.teardown(() => site.close())
    const { dir, operator, daemon, dataDir } = site
    const caPem = await readFile(join(dataDir, 'ca.pem'), 'utf8')
    const draft = await operator.draftOrder('postfix')
    const order = { ...orderFor(draft.target), host: draft.host, issuer: issuerOf(caPem) }
    const good = signer.sign(order)
    await operator.addOrder(good)
    const agent = site.startAgent()
    const ended = (): Promise<unknown> =>
      agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
    const certificate = await site.request()
    await ended()
    const live = async (): Promise<unknown> => ({
      files: await Promise.all([daemon.certPath, daemon.keyPath].map((path) => readFile(path, 'utf8'))),
      served: await Promise.all(daemon.ports.map(servedLeaf)),
      keys: (await readdir(join(dir, 'state/keys'))).toSorted(),
    })
    const first = await live()
    const [keyFile = ''] = await readdir(join(dir, 'state/keys'))
    const keyPem = await readFile(join(dir, 'state/keys', keyFile), 'utf8')
    const keyOf = { keyPem, certificatePem: '', chainPem: '', sha256: '' }
    const foreign = await (await makeAuthority('Another CA')).issue({ names: ['mail.example.net'], keyOf })
    const wider = Buffer.from(orderBytes({ ...order, names: ['evil.example.net'] })).toString('base64')
    const replayed = signer.sign({ ...order, host: 'mx2.example.net', sequence: 5000 })
    const evil = join(dir, 'evil.pem')
    const config = JSON.stringify({ ...targetOf(daemon), cert_path: evil, reload_command: 'false' })
    const write = (sql: string, ...values: readonly string[]): void => {
      const database = new DatabaseSync(join(dataDir, 'control-plane.db'))
      database.exec('PRAGMA busy_timeout = 20000')
      database.prepare(sql).run(...values)
      database.close()
    }
    const deployed = async () => {
      const id = await operator.deploy(certificate, site.targetId)
      await ended()
      return operator.job(id)
    }
    const writes: readonly (readonly [claim: string, error: RegExp, sql: string, values: readonly string[]])[] = [
      ['an order for more names', /^ORDER_UNTRUSTED: /, 'UPDATE standing_order SET document = ?', [wider]],
      [
        'an order of another key',
        /^ORDER_UNTRUSTED: /,
        'UPDATE standing_order SET document = ?, signature = ?, key = ?',
        fieldsOf(stranger.sign(order)),
      ],
      [
        'the order of another host',
        /^ORDER_EXCEEDED: /,
        'UPDATE standing_order SET document = ?, signature = ?, key = ?',
        fieldsOf(replayed),
      ],
      [
        'a lower sequence',
        /^ORDER_SUPERSEDED: /,
        'UPDATE standing_order SET document = ?, signature = ?, key = ?',
        fieldsOf(signer.sign({ ...order, sequence: 1 })),
      ],
      ['what is no order', /^ORDER_MISSING: /, 'UPDATE standing_order SET document = ?', ['%']],
      ['no order', /^ORDER_MISSING: /, 'DELETE FROM standing_order', []],
    ]
    t.match(await deployed(), { status: 'Completed' })

    for (const [claim, error, sql, values] of writes) {
      write(sql, ...values)
      t.match(await deployed(), { status: 'Failed', error }, claim)
      t.same(await live(), first, claim)
      write('DELETE FROM standing_order')
      await operator.addOrder(good)
    }
    write('UPDATE version SET pem = ?', foreign.certificatePem)
    t.match(await deployed(), { status: 'Failed', error: /^ORDER_EXCEEDED: / }, 'a certificate of another CA')
    write('UPDATE certificate SET sans = \'["evil.example.net"]\', revoked_at = NULL')
    const { job_id: id } = await operator.renew(certificate)
    await ended()
    t.match(await operator.job(id), { status: 'Failed', error: /^ORDER_EXCEEDED: / }, 'a key for more names')
    t.same(await live(), first)
    write('UPDATE certificate SET sans = \'["mail.example.net"]\'')
    write('UPDATE target SET config = ?', config)
    await operator.renew(certificate)
    await ended()
    t.notSame(await live(), first, 'renewed')
    await t.rejects(stat(evil), { code: 'ENOENT' }, 'onto the target that was signed')
    agent.kill('SIGTERM')
    t.equal(await agent.exited, 0)
  },
)

t.test('a courier that was taken over can hand over nothing that no order covers', async (t) => {
  const deployer = await openDeployer(t)
  await deployer.configure({ policy: { roots: [deployer.dir], commands: ['true', 'false'], orders } })
  const running = await deployer.start()
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const { targetConfig, targetId } = deployer.job('x')
  const order = orderFor({ id: targetId, name: 'web', type: 'files', config: targetConfig })
  const endOf = async (id: string, changes: object) => {
    await deployer.answer({ ask: 'take', jobs: [deployer.job(id, changes)] })
    await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
    await deployer.answer({ ask: 'work' })
    const { reports } = await deployer.settled()
    return reports
      .map(({ report }) => report)
      .find((report) => report.jobId === id && report.kind === 'status' && report.status !== 'Running')
  }

  t.match(await endOf('1', {}), { status: 'Failed', error: /^ORDER_MISSING: / })
  t.match(await endOf('2', { order: stranger.sign(order) }), { status: 'Failed', error: /^ORDER_UNTRUSTED: / })
  t.match(await endOf('3', { order: signer.sign({ ...order, host: 'mx2' }) }), {
    status: 'Failed',
    error: /^ORDER_EXCEEDED: /,
  })
  const signed = signer.sign(order)
  for (const broken of [{ ...signed, also: 1 }, { ...signed, document: 'x'.repeat(30_000) }, 7, null])
    t.match(await deployer.ask({ ask: 'take', jobs: [deployer.job('4', { order: broken as never })] }), { error: {} })
  t.same(await readdir(join(deployer.dir, 'tls')), [])
  t.match(await endOf('5', { order: signed, targetConfig: {}, targetType: 'caddy' }), { status: 'Completed' })
  running.kill('SIGTERM')
  await running.exited
})

function fieldsOf({ document, signature, key }: SignedOrder): readonly string[] {
  return [document, signature, key]
}
