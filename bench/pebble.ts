import { parseArgs } from 'node:util'
import { makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { startPebble } from '../test/integration/pebble.ts'
import { startDnsWorld } from '../test/support/named/dns-world.ts'
import { openShortLives } from './support/pebble/short-lives.ts'
import { linesOf, watchHosts } from './support/pebble/watch-hosts.ts'

// `npm run soak:pebble -- [--hosts N] [--minutes M] [--life S] [--program PATH]`: mail hosts whose certificates live some minutes, of a public
// CA's own test server (pebble), proven by DNS-01 in a zone of BIND, deployed onto an nginx of each host by real agents. Each host is looked
// at once a second, from outside. Ends with what was seen, and with status 1 where a host served a certificate past its end.
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '60' },
    /** Of a certificate, in seconds. */
    life: { type: 'string', default: '360' },
    /** Of pebble. */
    program: { type: 'string', default: 'pebble' },
    /** Kills the control plane and starts it again, so often. */
    kills: { type: 'string', default: '3' },
  },
})
const [hosts, minutes, lifeS, kills] = [values.hosts, values.minutes, values.life, values.kills].map(Number) as [
  number,
  number,
  number,
  number,
]

const endings: (() => unknown)[] = []
const onStarted = (end: () => unknown): unknown => endings.unshift(end)
const endEach = async (): Promise<void> => {
  for (let end = endings.shift(); end !== undefined; end = endings.shift()) await end()
}
let ending: Promise<void> | null = null
/** Once, whoever asks for it: what fails while it ends waits for its end, too. */
const endAll = (): Promise<void> => {
  ending ??= endEach()
  return ending
}
// Whoever breaks it off leaves no daemon behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void endAll().then(() => process.exit(130)))
try {
  const dir = await makeTemporaryFolder('waxseal-pebble-')
  onStarted(() => removeTree(dir))
  const names = Array.from({ length: hosts }, (_, count) => `mail-${count}`)
  const world = await startDnsWorld(
    { teardown: onStarted },
    { 'example.net': names.map((name) => `${name} A 127.0.0.1`) },
  )
  const resolver = `${world.resolver.address}:${world.resolver.port}`
  const pebble = await startPebble(dir, { resolver, validityS: lifeS, program: values.program, refusedNonces: 5 })
  onStarted(() => pebble.stop())
  const site = await openShortLives(dir, { names, lifeS, pebble, world, resolver }, onStarted)
  const seen = await watchHosts(site, { forMs: minutes * 60_000, kills })
  for (const line of linesOf(seen, { hosts, minutes, lifeS })) process.stdout.write(`${line}\n`)
  if (seen.pastEnd > 0 || seen.leastRenewals < Math.floor((minutes * 60) / lifeS)) process.exitCode = 1
} finally {
  await endAll()
}
