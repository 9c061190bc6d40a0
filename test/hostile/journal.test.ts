import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { commitFiles } from '../../src/apply/commit.ts'
import { stageFiles } from '../../src/apply/stage.ts'
import { recover } from '../../src/deployer/recover.ts'
import { makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import { changesIn } from '../support/changes.ts'
import { openTestEngine } from '../support/deployment.ts'
import { journalEntry } from '../support/journal-entry.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { openCanaries } from './support/canaries.ts'
import { openRandom } from './support/random.ts'

/** Beside each bit of the first and the last bytes; WAXSEAL_FLIPS has more. */
const flips = Number(process.env['WAXSEAL_FLIPS'] ?? 1500)
const edge = 32

t.test(
  'a journal with any bit flipped is set aside: nothing is run, read or written for it, and a whole one is put back',
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-journal-')
    t.teardown(() => removeWhenQuiet(dir))
    const canaries = await openCanaries(dir)
    t.teardown(() => canaries.close())
    const live = join(dir, 'roots/live')
    await mkdir(live, { recursive: true })
    await writeFile(join(live, 'a.pem'), 'old')
    await canaries.file(join(dir, 'outside/a.pem'))
    const program = await canaries.program(join(dir, 'outside/program'))
    const port = await canaries.port()
    const engine = await openTestEngine(join(dir, 'roots'), ['true'])
    const prepared = await changesIn(live, { 'a.pem': 'new' })
    await stageFiles(prepared)
    await commitFiles(prepared)
    const look = { host: '127.0.0.1', port, protocol: 'tls', servername: null, keyType: null, timeoutMs: 1000 } as const
    await engine.journal.put(
      'target',
      journalEntry(prepared, { checks: [[program]], recover: [[program]], probes: [look], oldLeaves: [[]] }),
    )
    const folder = join(dir, 'roots/state/journal')
    const [name = ''] = await readdir(folder)
    const whole = await readFile(join(folder, name))
    const after = await readdir(live)
    const random = openRandom(20_261_126)
    const bits = whole.length * 8
    const edges = Array.from({ length: edge * 8 }, (_, bit) => [bit, bits - 1 - bit]).flat()

    let [tried, kept] = [0, 0]
    for (const bit of [...edges, ...Array.from({ length: flips }, () => random.below(bits))]) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await writeFile(join(folder, name), flipped, { mode: 0o600 })
      const recovered = await recover(engine)
      tried += 1
      if (recovered.length > 0) t.fail(`bit ${bit}: ${JSON.stringify(recovered)}`)
      if ((await readFile(join(live, 'a.pem'), 'utf8')) === 'new') kept += 1
    }

    t.comment(JSON.stringify({ bytes: whole.length, tried }))
    t.equal(kept, tried)
    t.same(await readdir(live), after)
    t.same(await readdir(folder), [`${name}.aside`])
    t.same(await canaries.touched(), [])
    await writeFile(join(folder, name), whole, { mode: 0o600 })
    t.match(await recover(engine), [{ target: 'target' }])
    t.equal(await readFile(join(live, 'a.pem'), 'utf8'), 'old', 'putting back is always allowed')
    t.same(
      (await canaries.touched()).filter((what) => what.includes('program')),
      [],
    )
  },
)
