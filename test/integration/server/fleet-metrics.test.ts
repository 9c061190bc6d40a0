import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { openTestControlPlane } from '../../support/control-plane.ts'
import { fillFleet } from '../../support/fleet-data.ts'
import { openVisitor } from '../../support/fleet-visitor.ts'

const docs = fileURLToPath(new URL('../../../docs', import.meta.url))
const read = (name: string): Promise<string> => readFile(join(docs, name), 'utf8')
const run = promisify(execFile)

interface Metric {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}

const dataDir = t.testdir({})
const now = Date.parse('2026-11-27T05:00:00Z')
await fillFleet(dataDir, { hosts: 1000, jobs: 10_000, now })
const plane = await openTestControlPlane(t, { dataDir, now: () => now })
// A call that is counted.
await plane.operator.issuers()
const { body } = await plane.ask('GET', '/metrics', plane.operatorToken)
const text = String(body['text'])
const given = metricsIn(text)

t.test('docs/fleet.md has the metrics that a server gives, and no other', async (t) => {
  const rows = [...(await read('fleet.md')).matchAll(/^\| `(waxseal_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$/gm)]

  t.same(
    rows.map(([, name, type, labels, help]) => ({ name, type, labels, help })),
    given.map(({ labels, ...rest }) => ({
      ...rest,
      labels: labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '),
    })),
  )
})

t.test('the metrics count what the fleet page counts', async (t) => {
  const valueOf = (line: string): number => Number(text.split(`\n${line} `)[1]?.split('\n')[0])
  const hosts = ['calling', 'silent', 'never', 'retired'].map((state) =>
    valueOf(`waxseal_server_agents{state="${state}"}`),
  )

  t.equal(
    hosts.reduce((sum, count) => sum + count, 0),
    1000,
  )
  t.equal(valueOf('waxseal_server_agents{state="retired"}'), 5)
  t.equal(valueOf('waxseal_server_certificates{ends="unused"}'), 6, 'five of retired hosts, and a trial')
  t.equal(valueOf('waxseal_server_targets_drifting'), 3)
  t.ok(valueOf('waxseal_server_jobs_failed_last_day') > 0)
  t.ok(valueOf('waxseal_server_certificates_late') > 0)
})

t.test('the alert rules and the dashboard ask for no metric and no label that is not given', async (t) => {
  const sources = [await read('alerts-control-plane.yaml'), ...(await dashboardExpressions())]
  const known = new Map(given.map(({ name, labels }) => [name, labels]))
  let asked = 0
  for (const source of sources) {
    for (const [, name = '', selector = ''] of source.matchAll(/(waxseal_\w+)(?:\{([^}]*)\})?/g)) {
      const labels = known.get(name.replace(/_(bucket|count|sum)$/, '')) ?? known.get(name)
      asked += 1
      t.ok(labels, name)
      for (const [, label = ''] of selector.matchAll(/(\w+)\s*[=!]/g))
        t.ok(label === 'job' || labels?.includes(label), `${name}: ${label}`)
    }
  }

  t.ok(asked > 30, String(asked))
})

t.test('promtool takes the alert rules, and each expression of the dashboard', async (t) => {
  const expressions = (await dashboardExpressions()).map((expression) =>
    expression.replaceAll('$__rate_interval', '5m'),
  )
  const rules = expressions.map((expr, index) => ({ record: `panel_${index}`, expr }))
  const file = join(t.testdir({}), 'dashboard.json')
  await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))

  const checked = await run('promtool', [
    'check',
    'rules',
    join(docs, 'alerts.yaml'),
    join(docs, 'alerts-control-plane.yaml'),
    file,
  ])

  t.equal(checked.stdout.match(/SUCCESS/g)?.length, 3)
})

t.test('each alert says what to do, and how grave it is', async (t) => {
  const visitor = openVisitor(plane)
  t.teardown(() => visitor.close())
  await visitor.signIn(plane.operatorToken)
  const { groups } = parse(await read('alerts-control-plane.yaml')) as {
    groups: { rules: { alert: string; labels: { severity: string }; annotations: { summary: string } }[] }[]
  }
  for (const { alert, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
    t.match(labels.severity, /^(critical|warning)$/, alert)
    const [path] = /\/fleet\S*/.exec(annotations.summary) ?? []
    if (path !== undefined) t.equal((await visitor.get(path)).status, 200, `${alert}: ${path} is a page`)
  }
})

async function dashboardExpressions(): Promise<readonly string[]> {
  const { panels } = JSON.parse(await read('grafana-dashboard.json')) as {
    panels: { targets: { expr: string }[] }[]
  }
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
}

/** As the text exposition has them; of a histogram its own labels. */
function metricsIn(exposition: string): readonly Metric[] {
  return [...exposition.matchAll(/^# HELP (\S+) (.+)\n# TYPE \S+ (\S+)\n(.*)$/gm)].map(
    ([, name = '', help = '', type = '', first = '']) => {
      const labels = [...first.matchAll(/(\w+)="/g)].map(([, label = '']) => label)
      return { name, type, help, labels: labels.filter((label) => label !== 'le') }
    },
  )
}
