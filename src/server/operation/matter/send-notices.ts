import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import type { Channel } from '../../../notice/channel.ts'
import { type Notice, testNotice } from '../../../notice/notice.ts'
import { nextTry } from '../../../notice/notice-pace.ts'
import type { NoticeRow } from '../../store/matter-store.ts'
import type { Store } from '../../store/store.ts'
import { newId } from '../secret.ts'

/** For so long another server leaves a message to the one that sends it. */
const holdMs = 10 * 60_000
/** What was sent is kept for so long: the pace counts it. */
const keepMs = 7 * 86_400_000
const longestWaitMs = 48 * 3_600_000

/** What became of a message at one channel. */
export interface Sent {
  readonly channel: string
  /** Null: it was taken. */
  readonly error: string | null
}

/** Sends what is due, each message to its channel; what fails is tried again, for two days. Returns what failed. */
export async function sendNotices(store: Store, channels: readonly Channel[]): Promise<readonly Sent[]> {
  const now = await store.now()
  const names = channels.map(({ name }) => name)
  const due = await store.notices.take(now, now + holdMs, names)
  const sent = await Promise.all(
    channels.map(async (channel) => {
      const failed: Sent[] = []
      for (const row of due.filter((one) => one.channel === channel.name)) {
        const error = await sendOne(store, channel, row)
        if (error !== null) failed.push({ channel: channel.name, error })
      }
      return failed
    }),
  )
  await store.notices.forget(now - keepMs, now - longestWaitMs)
  await store.mutes.forget(now)
  return sent.flat()
}

async function sendOne(store: Store, channel: Channel, row: NoticeRow): Promise<string | null> {
  const error = await tried(channel, JSON.parse(row.body) as Notice)
  const now = await store.now()
  if (error === null) {
    await store.notices.end(row, now, null)
    return null
  }
  const attempts = row.attempts + 1
  const wait = nextTry(attempts, now - row.madeAt)
  await (wait === null ? store.notices.end(row, now, error) : store.notices.putOff(row, now + wait, attempts, error))
  return error
}

/** Sends a test to each channel, at once. */
export function testChannels(channels: readonly Channel[], from: string, now: number): Promise<readonly Sent[]> {
  const notice = testNotice(newId('notice'), from, now)
  return Promise.all(channels.map(async (channel) => ({ channel: channel.name, error: await tried(channel, notice) })))
}

async function tried(channel: Channel, notice: Notice): Promise<string | null> {
  try {
    await channel.send(notice)
    return null
  } catch (error) {
    return describeError(asWaxsealError(error))
  }
}
