import { join } from 'node:path'
import { hostMutesFile, readHostMutes } from '../documents/host-mutes.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { systemClock } from '../host/clock.ts'
import { writeForGroup } from '../host/file/group-file.ts'
import { type Mute, mostMutes } from '../notice/mute.ts'
import { openTurns } from './turns.ts'
import { readersGroup } from './view.ts'

/** Has nothing told of what fits, until its end. LIMIT_EXCEEDED: there are too many. */
export function muteOnHost(stateDir: string, mute: Mute, now: number): Promise<void> {
  return inTurn(stateDir, async () => {
    const active = (await readHostMutes(stateDir)).filter(({ until }) => until > now)
    if (active.length < mostMutes) return write(stateDir, [...active, mute])
    const hint = 'end one: waxseal mute --end MUTE'
    throw new WaxsealError('LIMIT_EXCEEDED', { limit: 'mutes', most: mostMutes, hint })
  })
}

/** False: there is none of this id. */
export function unmuteOnHost(stateDir: string, id: string): Promise<boolean> {
  return inTurn(stateDir, async () => {
    const mutes = await readHostMutes(stateDir)
    const left = mutes.filter((mute) => mute.id !== id)
    if (left.length < mutes.length) await write(stateDir, left)
    return left.length < mutes.length
  })
}

/** Who writes in the folder of the view has it alone. */
function inTurn<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  return openTurns(join(stateDir, 'view.lock'), systemClock).take(work)
}

async function write(stateDir: string, mutes: readonly Mute[]): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ v: 1, mutes }))
  await writeForGroup(hostMutesFile(stateDir), bytes, await readersGroup())
}
