import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../../src/deployer/deploy.ts'
import { makeRequest } from '../../../../src/deployer/work/make-request.ts'
import { runDeployments } from '../../../../src/deployer/work/run-deployments.ts'
import { runJob, type Workshop } from '../../../../src/deployer/work/run-job.ts'
import type { DeploymentJob, IssuanceJob } from '../../../../src/documents/job.ts'
import type { Report } from '../../../../src/documents/report.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { parseRoots } from '../../../../src/material/trusted-by.ts'
import type { SignedOrder } from '../../../../src/order/signed-order.ts'
import type { StandingOrder } from '../../../../src/order/standing-order.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { openTestEngine } from '../../../support/deployment.ts'
import { openKeyParts } from '../../../support/key-parts.ts'
import { issuerOf, makeSigner, orderedHost, orderFor, orderTime } from '../../../support/orders.ts'

const dayMs = 86_400_000
const root = await makeAuthority('A root of the system')
const authority = await root.intermediate()
const stranger = await (await makeAuthority('Another CA')).intermediate()
const [good, wider, foreign] = await Promise.all([
  authority.issue({ names: ['mail.example.net'] }),
  authority.issue({ names: ['mail.example.net', 'evil.example.net'] }),
  stranger.issue({ names: ['mail.example.net'] }),
])
const [signer, next, other] = [makeSigner(), makeSigner(), makeSigner()]
const pins = { orders: { keys: [signer.spki, next.spki], host: `${orderedHost.toUpperCase()}.` } }

t.test('a job that a valid order covers is done, with either of two pinned keys, as often as it comes', async (t) => {
  const { deployed, order } = await open(t)

  t.match(await deployed({ order: signer.sign(order()) }), [{ status: 'Completed', outcome: { warnings: [] } }])
  t.match(await deployed({ order: signer.sign(order()) }), [{ status: 'Completed', outcome: { outcome: 'unchanged' } }])
  t.match(await deployed({ order: next.sign(order({ sequence: 1001 })) }), [{ status: 'Completed' }])
})

t.test(
  'each job that no order covers is refused with its code, and nothing is touched, made or remembered',
  async (t) => {
    const { deployed, order, target, live, remembered } = await open(t)
    const cases: readonly (readonly [
      code: string,
      claim: string,
      order: SignedOrder | undefined,
      changes?: Partial<DeploymentJob>,
    ])[] = [
      ['ORDER_MISSING', 'no order', undefined],
      ['ORDER_UNTRUSTED', 'a key that is not pinned', other.sign(order())],
      [
        'ORDER_UNTRUSTED',
        'a key that is not pinned, as if it were',
        { ...other.sign(order()), key: signer.sign(order()).key },
      ],
      [
        'ORDER_UNTRUSTED',
        'a signature of another order',
        { ...signer.sign(order()), signature: signer.sign(order({ sequence: 5 })).signature },
      ],
      ['ORDER_EXCEEDED', 'another host', signer.sign(order({ host: 'mx2.example.net' }))],
      ['ORDER_EXCEEDED', 'another target', signer.sign(order({ target: { ...target, id: 'target-2' } }))],
      ['ORDER_EXCEEDED', 'a job for another target', signer.sign(order()), { targetId: 'target-2' }],
      [
        'ORDER_EXPIRED',
        'an order that has ended',
        signer.sign(order({ not_before: orderTime(-9 * dayMs), not_after: orderTime(-dayMs) })),
      ],
      [
        'ORDER_EXPIRED',
        'an order that has not begun',
        signer.sign(order({ not_before: orderTime(dayMs), not_after: orderTime(9 * dayMs) })),
      ],
    ]
    for (const [code, claim, signed, changes] of cases) {
      const reports = await deployed({ ...(signed === undefined ? {} : { order: signed }), ...changes })
      t.match(reports, [{ status: 'Failed', error: new RegExp(`^${code}: `) }], claim)
      t.same(await live(), {}, claim)
      t.same(await remembered(), [], claim)
    }
  },
)

t.test(
  'a certificate with a name or an issuer that the order has not is refused before anything is planned',
  async (t) => {
    const { deployed, order, live } = await open(t)
    const pinned = { issuer: issuerOf(root.certificatePem), sequence: 1001 }
    const own = { issuer: issuerOf(good.certificatePem), sequence: 1002 }
    const sentAlong = { ...foreign, chainPem: foreign.chainPem + authority.certificatePem + root.certificatePem }
    const cases = [
      ['another name', 'ORDER_EXCEEDED', order(), wider],
      ['another issuer', 'ORDER_EXCEEDED', order(pinned), foreign],
      ['an issuer that is only sent along', 'CHAIN_BROKEN', order(pinned), sentAlong],
      ['the leaf itself', 'ORDER_EXCEEDED', order(own), good],
    ] as const
    for (const [claim, code, signed, pair] of cases) {
      const reports = await deployed({ order: signer.sign(signed) }, pair)
      t.match(reports, [{ status: 'Failed', error: new RegExp(`^${code}: `) }], claim)
      t.same(await live(), {}, claim)
    }
    const last = order({ ...pinned, sequence: 1003 })
    t.match(await deployed({ order: signer.sign(last) }), [{ status: 'Completed' }], 'a root of the system')
  },
)

t.test('an issuer may be any certificate above the leaf', async (t) => {
  for (const pem of [root.certificatePem, authority.certificatePem]) {
    const { deployed, order } = await open(t)
    t.match(await deployed({ order: signer.sign(order({ issuer: issuerOf(foreign.certificatePem, pem) })) }), [
      { status: 'Completed' },
    ])
  }
})

t.test('a private root that no chain has may come with the order, and proves nothing by itself', async (t) => {
  const { deployed, order } = await open(t)
  const root = await makeAuthority('A private root')
  const impostor = await makeAuthority('A private root')
  const pair = await root.issue({ names: ['mail.example.net'] })
  const own = { order: order({ issuer: issuerOf(root.certificatePem) }), pair }
  const cases = [
    ['nothing', 'Failed', own, undefined],
    ['another root of the same name', 'Failed', own, impostor.certificatePem],
    ['what is no certificate', 'Failed', own, 'rubbish'],
    ['the root', 'Completed', own, impostor.certificatePem + root.certificatePem],
  ] as const
  for (const [claim, status, { order: signed, pair: given }, issuers] of cases) {
    const carried = { ...signer.sign(signed), ...(issuers === undefined ? {} : { issuers }) }
    t.match(await deployed({ order: carried }, given), [{ status }], claim)
  }
  const stolen = await impostor.issue({ names: ['mail.example.net'] })
  const carried = { ...signer.sign(own.order), issuers: root.certificatePem + impostor.certificatePem }
  t.match(await deployed({ order: carried }, stolen), [{ status: 'Failed', error: /^ORDER_EXCEEDED: / }])
})

t.test('the target is the one that was signed, whatever the job says, and the report tells it', async (t) => {
  const { deployed, order, dir, target } = await open(t)
  const elsewhere = join(dir, 'elsewhere.pem')
  const reports = await deployed({
    order: signer.sign(order()),
    targetType: 'Postfix',
    targetName: 'a lie',
    instance: 'edge',
    targetConfig: { ...target.config, files: [{ path: elsewhere, format: 'certificate' }] },
  })

  t.match(reports, [{ status: 'Completed', outcome: { warnings: [/brought another target than its order/] } }])
  t.equal(await readFile(join(dir, 'live/cert.pem'), 'utf8'), good.certificatePem + good.chainPem)
  await t.rejects(readFile(elsewhere), { code: 'ENOENT' })
})

t.test(
  'a lower sequence, and another order with the same one, are refused; what was taken survives a restart',
  async (t) => {
    const { deployed, order, reopen } = await open(t)
    await deployed({ order: signer.sign(order()) })

    for (const again of [deployed, (await reopen()).deployed]) {
      t.match(await again({ order: signer.sign(order({ sequence: 999 })) }), [
        { status: 'Failed', error: /^ORDER_SUPERSEDED: .*highest[^0-9]*1000/s },
      ])
      t.match(await again({ order: signer.sign(order({ names: ['mail.example.net', 'x.example.net'] })) }), [
        { status: 'Failed', error: /^ORDER_SUPERSEDED: / },
      ])
      t.match(await again({ order: next.sign(order()) }), [{ status: 'Completed' }], 'the same document')
    }
    t.match(await deployed({ order: signer.sign(order({ sequence: 1001 })) }), [{ status: 'Completed' }])
    t.match(await deployed({ order: signer.sign(order()) }), [{ status: 'Failed', error: /^ORDER_SUPERSEDED: / }])
  },
)

t.test('a pair is taken back under an order alone, onto the target of the order', async (t) => {
  const { deployed, order, workshop } = await open(t)
  const later = await authority.issue({ names: ['mail.example.net'] })
  for (const pair of [good, later]) await deployed({ order: signer.sign(order()) }, pair)
  const takeBack = async (changes: object) =>
    runJob(
      { kind: 'take-back', id: 'job-9', certificateId: 'mc-1', targetId: 'target-1', leaf: good.sha256, ...changes },
      workshop(good),
    )

  t.match(await takeBack({}), [{ status: 'Failed', error: /^ORDER_MISSING: / }])
  t.match(await takeBack({ order: other.sign(order()) }), [{ status: 'Failed', error: /^ORDER_UNTRUSTED: / }])
  t.match(await takeBack({ order: signer.sign(order({ sequence: 1 })) }), [
    { status: 'Failed', error: /^ORDER_SUPERSEDED: / },
  ])
  t.match(await takeBack({ order: signer.sign(order({ sequence: 1001, names: ['x.example.net'] })) }), [
    { status: 'Failed', error: /^ORDER_EXCEEDED: / },
  ])
  t.match(await takeBack({ order: signer.sign(order({ sequence: 1002 })) }), [
    { status: 'Completed', outcome: { certificate: { sha256: good.sha256 } } },
  ])
})

t.test('a key is made under an order alone, for its names alone', async (t) => {
  const { requested, order, keys } = await open(t)
  const wild = { names: ['mail.example.net', '*.imap.example.net'] }
  const refusals: readonly (readonly [string, SignedOrder | undefined, Partial<IssuanceJob>?])[] = [
    ['ORDER_MISSING', undefined],
    ['ORDER_UNTRUSTED', other.sign(order())],
    ['ORDER_EXCEEDED', signer.sign(order({ host: 'mx2.example.net' }))],
    ['ORDER_EXCEEDED', signer.sign(order()), { sans: ['evil.example.net'] }],
    ['ORDER_EXCEEDED', signer.sign(order()), { commonName: 'evil.example.net' }],
    ['ORDER_EXCEEDED', signer.sign(order(wild)), { sans: ['a.b.imap.example.net'] }],
    ['ORDER_EXCEEDED', signer.sign(order(wild)), { sans: ['someone@x.imap.example.net'] }],
    ['ORDER_EXPIRED', signer.sign(order({ not_before: orderTime(-9 * dayMs), not_after: orderTime(-dayMs) }))],
  ]
  for (const [code, signed, changes] of refusals)
    await t.rejects(requested({ ...(signed === undefined ? {} : { order: signed }), ...changes }), { code })
  t.same(await keys(), [])

  await requested({
    order: signer.sign(order({ ...wild, sequence: 1001 })),
    sans: ['a.imap.example.net', '*.imap.example.net'],
  })
  t.equal((await keys()).length, 1)
})

t.test('a host that pins no key asks for none', async (t) => {
  const { deployed, order } = await open(t, {})

  t.match(await deployed({}), [{ status: 'Completed' }])
  t.match(await deployed({ order: other.sign(order()) }), [{ status: 'Completed' }])
})

t.test('root needs no order on a host that pins a key', async (t) => {
  const { deployed, engine, target } = await open(t)
  const byHand = { target: 'target-1', connector: 'files', config: target.config, ...good }

  t.match(await deployed({}), [{ status: 'Failed', error: /^ORDER_MISSING: / }])
  t.match(await deploy({ ...byHand, findKey: async () => good.keyPem }, engine), { outcome: 'deployed' })
})

t.test('no deployment of a job comes as far as a plan without an order, whoever asks for it', async (t) => {
  const { engine, target, live } = await open(t)
  const request = { target: 'target-1', connector: 'files', config: target.config, ...good }

  t.match(await deploy({ ...request, job: 'job-1', findKey: async () => good.keyPem }, engine), {
    outcome: 'refused',
    host: 'untouched',
    code: 'ORDER_MISSING',
  })
  t.same(await live(), {})
})

async function open(t: Test, policy: object = pins) {
  const dir = t.testdir({ live: {} })
  const files = [
    { path: join(dir, 'live/cert.pem'), format: 'fullchain' },
    { path: join(dir, 'live/key.pem'), format: 'key' },
  ]
  const target = {
    id: 'target-1',
    name: 'web',
    type: 'files',
    config: { service: 'web', files, reload_command: 'true' },
  }
  const at = async () => {
    const engine = {
      ...(await openTestEngine(dir, ['true'], policy)),
      trustedRoots: () => parseRoots([root.certificatePem]),
    }
    const workshop = ({ certificatePem, chainPem, keyPem }: typeof good): Workshop => ({
      engine,
      keys: { find: async () => keyPem },
      certificatesOf: async (jobs) => new Map(jobs.map(({ id }) => [id, certificatePem + chainPem])),
      challenges: { put: async () => {} },
      obtained: { list: async () => [] },
      onBegin: async () => {},
      onStep: () => {},
    })
    const deployed = async (changes: Partial<DeploymentJob>, pair = good): Promise<readonly Report[]> => {
      const reports: Report[] = []
      const job: DeploymentJob = {
        kind: 'deployment',
        id: 'job-1',
        certificateId: 'mc-1',
        targetId: 'target-1',
        targetType: 'files',
        targetConfig: target.config,
        ...changes,
      }
      const onEnd = async (_: string, end: readonly Report[] | WaxsealError): Promise<void> => {
        if (end instanceof WaxsealError) throw end
        reports.push(...end)
      }
      await runDeployments([job], workshop(pair), onEnd, new AbortController().signal)
      return reports
    }
    return { engine, workshop, deployed }
  }
  const keyFolder = join(dir, 'keys')
  const here = await at()
  const parts = {
    ...(await openKeyParts(dir)),
    names: null,
    isOpen: () => true,
    orders: here.engine,
  }
  return {
    ...here,
    dir,
    target,
    reopen: at,
    order: (changes: Partial<StandingOrder> = {}) => orderFor(target, changes),
    remembered: () => here.engine.orders.list(),
    requested: (changes: Partial<IssuanceJob>) =>
      makeRequest(
        { kind: 'issuance', id: 'job-2', certificateId: 'mc-1', commonName: 'mail.example.net', sans: [], ...changes },
        parts,
      ),
    keys: () => readdir(keyFolder),
    live: async () => Object.fromEntries((await readdir(join(dir, 'live'))).map((name) => [name, true] as const)),
  }
}
