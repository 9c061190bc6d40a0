import t from 'tap'
import { isStillGood, isTimeToTry } from '../../../../src/deployer/own/obtained.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const [minuteMs, dayMs] = [60_000, 86_400_000]
const start = Math.floor(Date.now() / 1000) * 1000
const own = { directory: '', caFile: null, after: 0.9, names: null, profile: null, contact: [], acceptsTerms: true }

t.test('the pace of deploying again grows, six hours at most', async (t) => {
  const pem = await lasting(90 * dayMs)
  const wait = (tries: number, ms: number): boolean => isTimeToTry({ pem, tries, at: start }, start + ms)

  for (const [tries, minutes] of [
    [1, 10],
    [2, 20],
    [4, 80],
    [50, 360],
  ] as const) {
    t.notOk(wait(tries, minutes * minuteMs - 1))
    t.ok(wait(tries, minutes * minuteMs))
  }
  t.ok(wait(50, -dayMs), 'a clock that was ahead holds back nothing')
})

t.test('one that lives for an hour is tried again within its twentieth', async (t) => {
  const pem = await lasting(60 * minuteMs)

  t.ok(isTimeToTry({ pem, tries: 9, at: start }, start + 3 * minuteMs))
})

t.test('one that has used its share of life is worth nothing', async (t) => {
  const obtained = { pem: await lasting(100 * minuteMs), tries: 1, at: start }

  t.ok(isStillGood(obtained, own, start + 89 * minuteMs))
  t.notOk(isStillGood(obtained, own, start + 90 * minuteMs))
})

async function lasting(ms: number): Promise<string> {
  const authority = await makeAuthority()
  const dates = { notBefore: new Date(start), notAfter: new Date(start + ms) }
  return (await authority.issue({ names: ['mail.example.net'], ...dates })).certificatePem
}
