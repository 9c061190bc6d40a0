import { join } from 'node:path'
import t from 'tap'
import { examineJournal } from '../../../src/examine/examine-journal.ts'
import { targetNames } from '../../../src/journal/target-names.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { journalEntry } from '../../support/journal-entry.ts'
import { holdLock } from '../../support/lock-holder.ts'

t.test('an unfinished deployment fails the check, unless somebody works on it', async (t) => {
  const dir = t.testdir()
  const engine = await openTestEngine(dir, [])
  t.match(await examineJournal(engine, targetNames([])), { verdict: 'ok' })

  await engine.journal.put('mail', journalEntry({ files: [], link: null }))

  t.match(await examineJournal(engine, targetNames([])), {
    verdict: 'failed',
    detail: /nobody is working on it: .+; waxseal recover/,
  })
  const other = await holdLock(t, join(dir, 'state', 'deploy.lock'))
  t.match(await examineJournal(engine, targetNames([])), { verdict: 'warning', detail: /under way at this moment/ })
  await other.end()
  t.match(await examineJournal(engine, targetNames([])), { verdict: 'failed' })
})
