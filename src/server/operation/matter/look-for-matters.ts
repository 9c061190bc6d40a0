import { lookAt, toTell, whenTold } from '../../../notice/matter-life.ts'
import { isMutedBy } from '../../../notice/mute.ts'
import { noticeOf } from '../../../notice/notice.ts'
import { mayMake, mostWaiting } from '../../../notice/notice-pace.ts'
import type { NotifySettings } from '../../../notice/notify-settings.ts'
import type { Store } from '../../store/store.ts'
import type { Presence } from '../agent/presence.ts'
import { newId } from '../secret.ts'
import { readConditions } from './conditions.ts'

const hourMs = 3_600_000

/** Who is told, by whom. */
export interface Telling {
  readonly settings: Pick<NotifySettings, 'leaveOut' | 'silentAfterMs'>
  /** Names of the channels that are set. */
  readonly channels: readonly string[]
  /** The name of this host. */
  readonly from: string
}

/**
 * Looks for what is the matter, and makes the message of what is to be told. Any number of servers may do it at any time: one at a time
 * has the turn, what was told is written in the same transaction as the message, and so each matter is told once.
 */
export async function lookForMatters(
  { store, presence }: { readonly store: Store; readonly presence: Pick<Presence, 'since'> },
  { settings, channels, from }: Telling,
): Promise<void> {
  const rule = { afterMs: settings.silentAfterMs, upSince: presence.since(null) }
  const { conditions, incomplete } = await readConditions(store, rule)
  const told = conditions.filter(({ kind }) => !settings.leaveOut.includes(kind))
  await store.transaction(async (inside) => {
    if (!(await inside.matters.takeTurn())) return
    const now = await inside.now()
    const before = await inside.matters.all()
    const after = lookAt(before, { now, conditions: told, incomplete })
    const isMuted = isMutedBy(await inside.mutes.list(now), now)
    const may = channels.length > 0 && mayMake(await inside.notices.madeSince(now - hourMs), now)
    const notice = may ? noticeOf(newId('notice'), from, toTell(after, now, isMuted), now) : null
    if (notice === null) return inside.matters.replace(before, after)
    for (const channel of channels) {
      const row = { id: notice.id, channel, body: JSON.stringify(notice), madeAt: now, attempts: 0, nextTryAt: now }
      await inside.notices.add({ ...row, endedAt: null, error: null }, mostWaiting)
    }
    await inside.matters.replace(before, whenTold(after, toTell(after, now, isMuted), now))
  })
}
