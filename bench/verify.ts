import { once } from 'node:events'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { startMailHost } from '../src/demo/mail-host/mail-host.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { openAuthority } from '../src/server/authority/authority.ts'
import { probeOnce } from '../src/verify/probe-once.ts'
import { spreadOf } from './support/figures.ts'

/** One probe against a bare TLS connect on the same port, turn by turn in one run. */
interface Row {
  readonly port: string
  readonly probeMs: number
  readonly bareMs: number
  readonly ratio: number
}

const warmUps = 20
const runs = 200

const undo: (() => Promise<void>)[] = []
try {
  const rows = await measure()
  if (process.argv.includes('--json')) console.log(JSON.stringify({ v: 1, runs, rows }, null, 2))
  else {
    console.log(`${runs} looks and ${runs} bare TLS connects per port, turn by turn; medians.\n`)
    for (const { port, probeMs, bareMs, ratio } of rows)
      console.log(
        `${port.padEnd(24)} probe ${probeMs.toFixed(2)} ms   bare ${bareMs.toFixed(2)} ms   ratio ${ratio.toFixed(2)}`,
      )
  }
} finally {
  for (const step of undo.toReversed()) await step()
}

async function measure(): Promise<readonly Row[]> {
  const dir = await makeTemporaryFolder('waxseal-bench-')
  undo.push(() => removeTree(dir))
  await makeFolder(join(dir, 'ca'))
  const pair = await (await openAuthority(join(dir, 'ca'))).issueServerPair(['mail.example.net'])
  const { daemons } = await startMailHost(dir, pair, (step) => undo.push(step))
  const rows: Row[] = []
  for (const daemon of daemons)
    for (const { name, port, protocol } of daemon.ports)
      if (protocol === 'tls') rows.push(await compare(`${daemon.name} ${name}`, port))
  return rows
}

async function compare(name: string, port: number): Promise<Row> {
  const probed: number[] = []
  const bare: number[] = []
  for (let run = -warmUps; run < runs; run += 1) {
    const probeMs = await timed(() => probe(port))
    const bareMs = await timed(() => bareConnect(port))
    if (run < 0) continue
    probed.push(probeMs)
    bare.push(bareMs)
  }
  const [probeMs, bareMs] = [spreadOf(probed).medianMs, spreadOf(bare).medianMs]
  return { port: name, probeMs, bareMs, ratio: probeMs / bareMs }
}

async function probe(port: number): Promise<void> {
  const look = await probeOnce({
    host: '127.0.0.1',
    port,
    protocol: 'tls',
    servername: 'mail.example.net',
    keyType: null,
    timeoutMs: 5000,
  })
  if (look.leaf === null) throw new Error(look.error ?? 'no leaf')
}

async function bareConnect(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'mail.example.net', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  socket.destroy()
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
