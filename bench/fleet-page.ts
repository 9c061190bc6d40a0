import { parseArgs } from 'node:util'
import { makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { startControlPlane } from '../src/server/start-control-plane.ts'
import { fillFleet } from '../test/support/fleet-data.ts'
import { openVisitor } from '../test/support/fleet-visitor.ts'

// `npm run bench:page -- [--hosts 10000] [--jobs 100000] [--rounds 20] [--json]`: time to the first byte and size of each page of the
// fleet, on SQLite, over HTTPS on loopback, and the time of a processor that it takes, that of the client among it. The overview is
// counted anew each time: it is kept for five seconds.
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '10000' },
    jobs: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
})
const paths = [
  '/fleet',
  '/fleet/hosts',
  '/fleet/hosts?state=silent',
  '/fleet/hosts?text=mail-09999',
  '/fleet/hosts?label=role%3Dimap',
  '/fleet/certificates',
  '/fleet/certificates?ends=week',
  '/fleet/certificates?host=mail-00042',
  '/fleet/failures?days=1',
  '/fleet/failures?days=30&code=ACTIVATE_FAILED',
  '/fleet/failures?days=30&host=mail-00050',
  '/fleet/drift',
  '/fleet/rollouts',
  '/fleet/rollouts?name=november',
  '/fleet/found',
]

const round = (value: number): number => Math.round(value * 10) / 10
const dir = await makeTemporaryFolder('wx-page-')
const rounds = Number(values.rounds)
try {
  await fillFleet(dir, { hosts: Number(values.hosts), jobs: Number(values.jobs), now: Date.now() })
  const plane = await startControlPlane({ dataDir: dir, host: '127.0.0.1', port: 0 })
  const visitor = openVisitor(plane)
  await visitor.signIn(plane.operatorToken)
  const rows = []
  for (const path of paths) {
    const times: number[] = []
    let bytes = 0
    let cpuUs = 0
    for (let round = 0; round < rounds; round += 1) {
      // The limit of pages, and the seconds for which the overview is kept.
      await new Promise((resolve) => setTimeout(resolve, path === '/fleet' ? 5001 : 201))
      const before = process.cpuUsage()
      const { firstByteMs, text, status } = await visitor.get(path)
      const { user, system } = process.cpuUsage(before)
      cpuUs += user + system
      if (status !== 200) throw new Error(`${path} answers ${status}`)
      times.push(firstByteMs)
      bytes = Buffer.byteLength(text)
    }
    times.sort((one, other) => one - other)
    const at = (share: number): number => round(times[Math.floor((rounds - 1) * share)] ?? 0)
    rows.push({
      path,
      first_byte_p50_ms: at(0.5),
      first_byte_max_ms: at(1),
      cpu_ms: round(cpuUs / rounds / 1000),
      bytes,
    })
  }
  await visitor.close()
  await plane.close()
  process.stdout.write(
    values.json
      ? `${JSON.stringify(rows, null, 2)}\n`
      : rows
          .map(
            ({ path, ...row }) =>
              `${path}: p50 ${row.first_byte_p50_ms} ms, max ${row.first_byte_max_ms} ms, ${row.cpu_ms} ms of a processor, ${row.bytes} bytes\n`,
          )
          .join(''),
  )
} finally {
  await removeTree(dir)
}
