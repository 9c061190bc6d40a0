import { longestMuteS } from '../../notice/mute.ts'
import { timeIn } from './ask-operator.ts'

/** Takes for how long nothing is told. Returns seconds. */
export const muteTime = timeIn('smhd', {
  leastS: 60,
  mostS: longestMuteS,
  what: 'a time from 60s to 90d, such as 12h or 3d',
})
