import t from 'tap'
import { daneLines } from '../../../../src/cli/operator/dane.ts'

const owner = '_25._tcp.mx.example.net'
const at = '2026-11-27T18:00:00.000Z'

t.test('every time says that it is UTC', (t) => {
  const record = {
    value: '3 1 1 ab',
    key: 'awaited',
    state: 'published',
    usable: false,
    usable_at: at,
    matched_by_other: false,
    since: at,
  } as const
  const name = {
    name: owner,
    end_name: owner,
    looked_at: at,
    by_hand: false,
    problem: null,
    seen: [],
    records: [record],
    publish: [],
    remove: [],
  }

  const lines = daneLines({
    target_id: 'target-1',
    target: 'mx',
    agent: 'mail-1',
    turned_on_at: at,
    turned_on_by: 'operator:ann',
    names: [name],
    waiting: [{ job_id: 'job-1', type: 'Deployment', usable_at: at }],
  })

  t.match(lines.join('\n'), /everywhere; usable from 2026-11-27T18:00:00 UTC/)
  t.match(lines.at(-1), 'Deployment job-1 waits for these records, until 2026-11-27T18:00:00 UTC.')
  t.end()
})
