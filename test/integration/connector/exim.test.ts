import t from 'tap'
import { behavesLikeAMailDaemon, startFor } from './behaves-like-a-mail-daemon.ts'
import { startExim, unlessUnpacked } from './conflicting-daemons.ts'

t.test('on a real exim', { skip: unlessUnpacked() }, async (t) => {
  await behavesLikeAMailDaemon(t, await startFor(t, startExim))
})
