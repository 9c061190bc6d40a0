import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { openRandom } from '../hostile/support/random.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { drawPicture, tellChanges } from '../support/dane/picture.ts'
import { keepBusy, rollOver } from '../support/dane/roll-over.ts'
import { startRolloverSite } from '../support/dane/rollover-site.ts'
import { refusedIn } from '../support/dane/watch-keys.ts'
import { until } from '../support/until.ts'

/** `npm run soak:dane`; the pictures are written where it was started, or below WAXSEAL_DANE_PICTURES. */
const isSoak = process.env['WAXSEAL_SOAK'] === '1'
const times = isSoak ? Number(process.env['WAXSEAL_DANE_TIMES'] ?? 50) : 3
const firstSeed = Number(process.env['DANE_SEED'] ?? (isSoak ? Date.now() % 2 ** 31 : 19))
const pictures = process.env['WAXSEAL_DANE_PICTURES'] ?? (isSoak ? '.' : null)

/** A host makes 20 keys of one certificate in a day (`keysPerCertificate`), and the first roll-over takes two: another one begins anew. */
const mostOfOne = 18
const sites = Math.ceil(times / mostOfOne)

t.setTimeout(isSoak ? 7_200_000 : 600_000)

for (let at = 0; at < sites; at += 1) {
  const part = Math.floor(((at + 1) * times) / sites) - Math.floor((at * times) / sites)
  const seed = firstSeed + at
  t.test(
    `${part} roll-overs with a crash in each: no mail waits at a sender that delivers by DANE alone (seed ${seed})`,
    { skip: unlessInstalled('named', 'nsupdate', 'postfix') },
    (t) => proveRollovers(t, part, seed),
  )
}

/** The TLSA records are at the end of an alias, in another zone, where the seed is odd. */
async function proveRollovers(t: Test, times: number, seed: number): Promise<void> {
  const random = openRandom(seed)
  const site = await startRolloverSite(t, seed % 2 === 1)
  const endBusy = keepBusy(site, random)

  const { marks, keys } = await rollOver(site, times, random, ({ at, what }) =>
    t.comment(`${Math.round(at / 1000)} s  ${what}`),
  )
  // Beside what was there before Waxseal: the key that is served, and at most the next one. The whole way only in the soak.
  const [first = ''] = keys
  await site.watch.until(({ primary, secondary }) =>
    [primary, secondary].every((there) => there !== null && (isSoak ? there.length <= 3 : !there.includes(first))),
  )
  const mails = await endBusy()
  await until(async () => countOf(await site.sender.ends()) >= mails)
  const ends = await site.sender.ends()
  await site.watch.stop()
  const { samples } = site.watch
  if (pictures !== null) await writeFile(resolve(pictures, `dane-${seed}.svg`), drawPicture(samples, marks))
  for (const line of tellChanges(samples, marks)) t.comment(line)
  t.comment(JSON.stringify({ seed, times, mails, ...ends, samples: samples.length }))

  t.same(refusedIn(samples), [])
  t.same(ends.failed, [])
  t.match(ends, { sent: mails, verified: mails })
  t.ok(new Set(keys).size === times && !keys.includes(samples[0]?.served ?? ''), 'each has brought another key')

  // Held against a host whose record does not match: it is this that no mail met.
  const there = samples.at(-1)?.primary ?? []
  await site.server.kill()
  await site.change('add', 'ab'.repeat(32))
  await Promise.all(there.map((key) => site.change('remove', key)))
  await site.world.transfer()
  await until(async () => {
    await site.sender.send('late@example.org')
    return (await site.sender.ends()).failed.length > 0
  })
  t.match((await site.sender.ends()).failed[0], /status=deferred \(Server certificate not (trusted|verified)\)/)
}

function countOf({ sent, failed }: { readonly sent: number; readonly failed: readonly string[] }): number {
  return sent + failed.length
}
