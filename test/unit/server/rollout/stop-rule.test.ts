import t from 'tap'
import { whyStop } from '../../../../src/server/rollout/stop-rule.ts'

const wave = (number: number, hosts: number, failed: number) => ({ wave: number, hosts, failed })

t.test('it stops when so many hosts of all waves failed', async (t) => {
  const rule = { hosts: 2, share: null }

  t.equal(whyStop(rule, [wave(1, 2, 1), wave(2, 50, 0)]), null)
  t.equal(whyStop(rule, [wave(1, 2, 1), wave(2, 50, 1)]), '2 of its hosts failed; it stops at 2')
  t.match(whyStop(rule, [wave(1, 2, 0), wave(2, 50, 3)]), /3 of its hosts/)
})

t.test('it stops when so many per cent of the hosts of one wave failed', async (t) => {
  const rule = { hosts: null, share: 10 }

  t.equal(whyStop(rule, [wave(1, 50, 4), wave(2, 100, 9)]), null)
  t.match(whyStop(rule, [wave(1, 50, 5)]), /5 of the 50 hosts of wave 1 failed; it stops at 10 per cent/)
  t.match(whyStop(rule, [wave(1, 1, 1)]), /1 of the 1 hosts/)
  t.match(whyStop(rule, [wave(1, 50, 0), wave(2, 9, 1)]), /wave 2/)
  t.equal(whyStop({ hosts: null, share: 0 }, [wave(1, 5, 0)]), null, 'nothing failed')
})

t.test('whichever comes first', async (t) => {
  const rule = { hosts: 3, share: 50 }

  t.match(whyStop(rule, [wave(1, 4, 2)]), /per cent/)
  t.match(whyStop(rule, [wave(1, 100, 3)]), /it stops at 3/)
  t.equal(whyStop({ hosts: null, share: null }, [wave(1, 4, 4)]), null)
})
