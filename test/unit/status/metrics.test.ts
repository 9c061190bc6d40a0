import { readFile } from 'node:fs/promises'
import t from 'tap'
import { metricTable } from '../../../src/status/metric-table.ts'
import { openMetrics } from '../../../src/status/metrics.ts'
import { hostileText, rawCharacter } from '../../support/hostile-text.ts'
import { aLine, aStatus, aTarget } from '../../support/status-document.ts'

const line = aLine({ steps: [{ name: 'verify', ms: 90 }] })

t.test('deployments before the first scrape are counted, and those after it', async (t) => {
  const metrics = openMetrics()
  metrics.count(line)
  metrics.count({ ...line, outcome: 'rolled-back' })
  await metrics.render(aStatus())
  metrics.count(line)

  const text = await metrics.render(aStatus())

  t.match(text, /^waxseal_deployments_total\{connector="postfix",outcome="deployed"\} 2$/m)
  t.match(text, /^waxseal_deployments_total\{connector="postfix",outcome="rolled-back"\} 1$/m)
  t.match(text, /^waxseal_deployment_step_duration_seconds_bucket\{le="0.1",step="verify"\} 3$/m)
})

t.test('expiry is there per target and per endpoint that serves the deployed certificate', async (t) => {
  const [endpoint] = aTarget().endpoints
  if (endpoint === undefined) throw new Error('a target has an endpoint')
  const endpoints = [endpoint, { ...endpoint, address: '127.0.0.1:465', seen: null, ok: false }]

  const text = await openMetrics().render(aStatus({ targets: [aTarget({ endpoints })] }))

  t.match(text, /^waxseal_certificate_expiry_timestamp_seconds\{target="mx1-postfix",name="mx1-postfix"\} 1799568000$/m)
  t.match(text, /^waxseal_endpoint_certificate_expiry_timestamp_seconds\{.*endpoint="127.0.0.1:25".*\} 1799568000$/m)
  t.notMatch(text, /^waxseal_endpoint_certificate_expiry_timestamp_seconds\{.*:465/m)
  t.match(text, /^waxseal_endpoint_serves_deployed\{.*endpoint="127.0.0.1:465".*\} 0$/m)
})

t.test('whether TLSA records match is there per owner name, where somebody knows', async (t) => {
  const looked = { published: [], isSecure: true, publish: null, failed: null } as const
  const dane = [
    { ...looked, owner: '_25._tcp.a', state: 'matches' },
    { ...looked, owner: '_25._tcp.b', state: 'mismatch' },
    { ...looked, owner: '_25._tcp.c', state: 'unknown' },
  ] as const

  const text = await openMetrics().render(aStatus({ targets: [aTarget({ dane })] }))

  t.same(
    [...text.matchAll(/^waxseal_tlsa_matches\{.*owner="(.*)"\} (.*)$/gm)].map(([, owner, value]) => [owner, value]),
    [
      ['_25._tcp.a', '1'],
      ['_25._tcp.b', '0'],
    ],
  )
})

t.test('a target that is gone leaves no metric behind', async (t) => {
  const metrics = openMetrics()
  await metrics.render(aStatus())

  t.notMatch(await metrics.render(aStatus({ targets: [] })), /mx1-postfix/)
})

t.test('the name of a target cannot break the format', async (t) => {
  const text = await openMetrics().render(aStatus({ targets: [aTarget({ target: 'a"b\\c\nwaxseal_ready 9' })] }))

  t.notMatch(text, /^waxseal_ready 9/m)
})

t.test('no text from outside is in the metrics as it came', async (t) => {
  const [endpoint] = aTarget().endpoints
  if (endpoint === undefined) throw new Error('a target has an endpoint')
  const endpoints = [{ ...endpoint, address: hostileText, protocol: hostileText, servername: hostileText }]
  const metrics = openMetrics()
  metrics.count({ ...line, connector: hostileText })

  const text = await metrics.render(
    aStatus({ targets: [aTarget({ target: hostileText, name: hostileText, endpoints })] }),
  )

  t.notMatch(text, rawCharacter)
  t.notMatch(text, /^ok /m)
})

t.test('every metric that is given is in the table, with its type', async (t) => {
  const text = await openMetrics().render(aStatus())
  const given = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1], match[2]])

  t.same(
    given.map(String).toSorted(),
    Object.entries(metricTable)
      .map(([name, { type }]) => String([name, type]))
      .toSorted(),
  )
})

t.test('docs/status.md has the metrics of the table, and no other', async (t) => {
  const text = await readFile(new URL('../../../docs/status.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `(waxseal_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$/gm)].map((match) =>
    match.slice(1),
  )

  t.same(
    rows,
    Object.entries(metricTable).map(([name, { type, labels, help }]) => [
      name,
      type,
      labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  )
})

t.test('docs/alerts.yaml asks for no metric that is not given', async (t) => {
  const text = await readFile(new URL('../../../docs/alerts.yaml', import.meta.url), 'utf8')
  const asked = new Set(text.match(/waxseal_\w+/g))

  t.same(
    [...asked].filter((name) => !(name in metricTable)),
    [],
  )
})
