import t from 'tap'
import { behavesLikeAMailDaemon, startFor } from './behaves-like-a-mail-daemon.ts'
import { startCyrus, unlessUnpacked } from './conflicting-daemons.ts'

t.test('on a real cyrus', { skip: unlessUnpacked() }, async (t) => {
  await behavesLikeAMailDaemon(t, await startFor(t, startCyrus))
})
