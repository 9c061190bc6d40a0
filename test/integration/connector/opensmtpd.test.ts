import t from 'tap'
import { behavesLikeAMailDaemon, startFor } from './behaves-like-a-mail-daemon.ts'
import { startOpensmtpd, unlessUnpacked } from './conflicting-daemons.ts'

t.test('on a real opensmtpd', { skip: unlessUnpacked() }, async (t) => {
  await behavesLikeAMailDaemon(t, await startFor(t, startOpensmtpd))
})
