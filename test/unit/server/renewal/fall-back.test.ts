import t from 'tap'
import { type IssuerTry, isPassedOver } from '../../../../src/server/renewal/fall-back.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const asForAll = { fallBackAfter: null, fallBackShare: null }
const life = { notBefore: 0, notAfter: 90 * dayMs }
const short = { notBefore: 0, notAfter: 6 * dayMs }

function tried(at: number, fields: Partial<IssuerTry> = {}): IssuerTry {
  return { failures: 0, firstAt: at, nextAt: at + minuteMs, isWaiting: false, ...fields }
}

t.test('an issuer that fails a few times is not passed over, one that fails twenty times is', async (t) => {
  const at = 60 * dayMs

  t.notOk(isPassedOver(tried(at, { failures: 19 }), life, asForAll, at + hourMs))
  t.ok(isPassedOver(tried(at, { failures: 20 }), life, asForAll, at + hourMs))
  t.ok(isPassedOver(tried(at, { failures: 20 }), null, asForAll, at + hourMs), 'for a first certificate, too')
  t.ok(isPassedOver(tried(at, { failures: 3 }), life, { ...asForAll, fallBackAfter: 3 }, at + hourMs))
})

t.test('from four fifths of the life on one failure is enough', async (t) => {
  t.notOk(isPassedOver(tried(71 * dayMs, { failures: 1 }), life, asForAll, 71 * dayMs))
  t.ok(isPassedOver(tried(71 * dayMs, { failures: 1 }), life, asForAll, 72 * dayMs))
  t.ok(isPassedOver(tried(60 * dayMs, { failures: 1 }), life, { ...asForAll, fallBackShare: 0.6 }, 60 * dayMs))
})

t.test('an issuer that works on it is not passed over at once where the host was away for long', async (t) => {
  const at = 80 * dayMs
  const waiting = tried(at, { isWaiting: true, nextAt: at + minuteMs })

  t.notOk(isPassedOver(waiting, life, asForAll, at))
  t.ok(isPassedOver({ ...waiting, nextAt: at + 3 * hourMs }, life, asForAll, at + 2 * hourMs), 'it never ends')
})

t.test('an issuer whose limits hold for longer than there is time is passed over at once', async (t) => {
  const limited = tried(3 * dayMs, { isWaiting: true, nextAt: 9 * dayMs })

  t.ok(isPassedOver(limited, short, asForAll, 3 * dayMs))
  t.notOk(isPassedOver(tried(60 * dayMs, { isWaiting: true, nextAt: 66 * dayMs }), life, asForAll, 60 * dayMs))
  t.ok(isPassedOver(limited, null, asForAll, 3 * dayMs), 'somebody waits for a first certificate')
  t.notOk(isPassedOver({ ...limited, nextAt: 3 * dayMs + minuteMs }, null, asForAll, 3 * dayMs))
})

t.test('an issuer that always wants a minute more is not waited for for ever by a first certificate', async (t) => {
  const waiting = tried(0, { isWaiting: true, nextAt: 4 * hourMs })

  t.ok(isPassedOver(waiting, null, asForAll, 4 * hourMs - minuteMs))
  t.notOk(isPassedOver({ ...waiting, firstAt: 2 * hourMs }, null, asForAll, 4 * hourMs - minuteMs))
})

t.test('after the end any issuer that has not signed is passed over', async (t) => {
  t.ok(isPassedOver(tried(7 * dayMs, { failures: 1 }), short, asForAll, 7 * dayMs))
  t.ok(isPassedOver(tried(7 * dayMs, { isWaiting: true }), short, asForAll, 7 * dayMs))
})
