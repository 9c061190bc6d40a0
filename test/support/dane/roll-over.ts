import { asWaxsealError } from '../../../src/error/waxseal-error.ts'
import { pause, systemClock } from '../../../src/host/clock.ts'
import type { Random } from '../../hostile/support/random.ts'
import { briefly } from '../chaos/chaos-call.ts'
import type { Mark } from './picture.ts'
import type { RolloverSite } from './rollover-site.ts'
import { type KeySample, short } from './watch-keys.ts'

/** When who is killed, in the words of somebody who looks from outside. */
interface Crash {
  readonly who: 'server' | 'agent'
  readonly when: string
  readonly isSo: (now: KeySample, before: KeySample) => boolean
}

const sizeOf = (published: KeySample['primary']): number => published?.length ?? 0
const isNew = (now: KeySample, before: KeySample): boolean =>
  (now.primary ?? []).some((key) => before.primary !== null && !before.primary.includes(key))
const isEverywhere = (now: KeySample, before: KeySample): boolean =>
  isNew(now, before) && sizeOf(now.secondary) === sizeOf(now.primary) && sizeOf(now.resolver) === sizeOf(now.primary)
const isSwitched = (now: KeySample, before: KeySample): boolean => now.served !== null && now.served !== before.served
const isLess = (now: KeySample, before: KeySample): boolean =>
  (before.primary ?? []).some((key) => now.primary !== null && !now.primary.includes(key))

/** Nobody was too busy to answer. */
const isWhole = (now: KeySample): boolean => !Object.values(now).includes(null)

/** Each roll-over has the next one of these. */
const crashes: readonly Crash[] = [
  { who: 'server', when: 'a renewal was asked for', isSo: () => true },
  { who: 'server', when: 'a new record is at the primary', isSo: isNew },
  { who: 'agent', when: 'the new key is served', isSo: isSwitched },
  { who: 'agent', when: 'a renewal was asked for', isSo: () => true },
  { who: 'server', when: 'a new record is everywhere', isSo: isEverywhere },
  { who: 'server', when: 'the new key is served', isSo: isSwitched },
  { who: 'agent', when: 'a new record is everywhere', isSo: isEverywhere },
  { who: 'server', when: 'a record has gone', isSo: isLess },
]

/** At most so many milliseconds after that. */
const mostLateMs = 1500

/** What happened when, and the keys that were served one after the other. */
interface RolledOver {
  readonly marks: readonly Mark[]
  readonly keys: readonly string[]
}

/** Rolls over so many times, with a crash in each; `tell` is told of each mark at once. */
export async function rollOver(
  site: RolloverSite,
  times: number,
  random: Random,
  tell: (mark: Mark) => void,
): Promise<RolledOver> {
  const marks: Mark[] = []
  const mark = (one: Mark): void => {
    marks.push(one)
    tell(one)
  }
  const keys: string[] = []
  for (let turn = 0; turn < times; turn += 1) {
    const before = await site.watch.until(isWhole)
    await site.renew()
    const switched = site.watch.until((now) => isSwitched(now, before))
    const again = renewAgainUntil(site, switched)
    mark(await crash(site, crashes[turn % crashes.length], before, random))
    const { at, served } = await switched
    await again
    keys.push(served ?? '')
    mark({ at, what: `roll-over ${turn + 1} of ${times}: ${short(served)} is served` })
  }
  return { marks, keys }
}

const openStates = ['AwaitingCSR', 'Pending', 'Running']

/**
 * On a machine that is too busy for the daemon's own check in its time a deployment fails, with the host untouched: it is asked for again.
 * A crash may wait for that deployment, too.
 */
async function renewAgainUntil({ operator, renew }: RolloverSite, switched: Promise<KeySample>): Promise<void> {
  let idleLooks = 0
  const done = new AbortController()
  void switched.then(() => done.abort())
  while (!done.signal.aborted) {
    try {
      const isOpen = (await operator.jobs()).some(({ status }) => openStates.includes(status))
      idleLooks = isOpen ? 0 : idleLooks + 1
      if (idleLooks === 3) await renew()
    } catch (error) {
      // The server is killed meanwhile.
      if (asWaxsealError(error).code !== 'CONTROL_PLANE_UNREACHABLE') throw error
      idleLooks = 0
    }
    await pause(systemClock, 5000, done.signal)
  }
}

async function crash(site: RolloverSite, chosen: Crash | undefined, before: KeySample, random: Random): Promise<Mark> {
  if (chosen === undefined) throw new Error('there is no such crash')
  const { who, when, isSo } = chosen
  await site.watch.until((now) => isSo(now, before))
  await briefly(random, mostLateMs)
  const at = site.watch.samples.at(-1)?.at ?? 0
  if (who === 'agent') await site.killAgent()
  else {
    await site.server.kill()
    await briefly(random, 300)
    await site.server.start()
  }
  return { at, what: `${who} killed: ${when}` }
}

/** Mails on their way all the time, and a secondary that is late, until it is called. Resolves with how many mails were sent. */
export function keepBusy({ sender, world }: RolloverSite, random: Random): () => Promise<number> {
  const ending = new AbortController()
  let mails = 0
  const repeat = async (mostMs: number, work: () => Promise<void>): Promise<void> => {
    while (!ending.signal.aborted) {
      await work()
      await pause(systemClock, random.below(mostMs), ending.signal)
    }
  }
  const running = [
    repeat(400, async () => {
      await sender.send(`someone-${(mails += 1)}@example.org`)
    }),
    repeat(8000, () => world.transfer()),
  ]
  return async () => {
    ending.abort()
    await Promise.all(running)
    return mails
  }
}
