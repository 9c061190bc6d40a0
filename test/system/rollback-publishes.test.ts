import t from 'tap'
import { openRandom } from '../hostile/support/random.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { tellChanges } from '../support/dane/picture.ts'
import { keepBusy } from '../support/dane/roll-over.ts'
import { type RolloverSite, startRolloverSite } from '../support/dane/rollover-site.ts'
import { refusedIn } from '../support/dane/watch-keys.ts'
import { startWaxseal } from '../support/process.ts'
import { type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { until } from '../support/until.ts'

t.setTimeout(600_000)

t.test(
  'waxseal rollback has the older key published, and goes back without a mail that waits',
  { skip: unlessInstalled('named', 'nsupdate', 'postfix') },
  async (t) => {
    const site = await startRolloverSite(t, false, true)
    const random = openRandom(1)
    const endBusy = keepBusy(site, random)
    const older = await nextKey(site)
    const live = await nextKey(site)
    // As the control plane does it some minutes later.
    await site.change('remove', older)
    await site.watch.until(({ primary, secondary, resolver }) =>
      [primary, secondary, resolver].every((there) => there?.includes(live) === true && !there.includes(older)),
    )

    // Where nobody publishes it is refused, with what to publish.
    await site.server.kill()
    const alone = await rollback(site)
    t.equal(alone.status, 3)
    t.match(
      alone.stdout,
      /The control plane publishes nothing for this: it could not be asked: CONTROL_PLANE_UNREACHABLE/,
    )
    t.match(alone.stdout, new RegExp(`DANE_MISMATCH.*_25\\._tcp\\.mx\\.example\\.org\\. IN TLSA 3 1 1 ${older}`, 's'))
    await site.server.start()

    // Ctrl-C leaves all as it was.
    const given = startWaxseal(['rollback', 'postfix', '--config', site.configFile])
    await given.waitFor(({ text }) => String(text).includes('record of the older key published'))
    await site.watch.until(({ primary }) => primary?.includes(older) === true)
    given.kill('SIGINT')
    t.equal(await given.exited, 3)
    t.match(given.lines.at(-2), { text: /DANE_WAITING.*the wait was ended/ })
    t.match((await site.operator.jobs())[0], { type: 'TakeBack', status: 'Cancelled' })
    t.equal((await site.watch.until(({ served }) => served !== null)).served, live)

    const back = await rollback(site)
    t.match(back, { status: 0, stdout: /record of the older key published/ }, back.stderr)
    t.match(back.stdout, /senders know it from/)
    const { served } = await site.watch.until((sample) => sample.served !== null)
    t.equal(served, older)
    t.match((await site.operator.jobs())[0], { type: 'TakeBack', status: 'Completed' })

    const mails = await endBusy()
    await until(async () => {
      const { sent, failed } = await site.sender.ends()
      return sent + failed.length >= mails
    })
    await site.watch.stop()
    for (const line of tellChanges(site.watch.samples, [])) t.comment(line)
    t.same(refusedIn(site.watch.samples), [])
    t.same((await site.sender.ends()).failed, [])
  },
)

function rollback({ configFile }: RolloverSite): Promise<Ran> {
  return runWaxseal(['rollback', 'postfix', '--config', configFile, '--wait', '5m'])
}

/** The one that is served, after it was made and proven. */
async function nextKey({ renew, watch, operator }: RolloverSite): Promise<string> {
  const before = (await watch.until(({ served }) => served !== null)).served
  await renew()
  const { served } = await watch.until((sample) => sample.served !== null && sample.served !== before)
  await until(async () =>
    (await operator.jobs()).every(({ status }) => !['AwaitingCSR', 'Pending', 'Running'].includes(status)),
  )
  return served ?? ''
}
