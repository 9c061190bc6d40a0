import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Journal, type JournalEntry, journalId, openJournal } from '../../../src/journal/journal.ts'
import { takeOver } from '../../../src/journal/take-over.ts'
import { changesIn } from '../../support/changes.ts'
import { journalEntry, journalledDeployment } from '../../support/journal-entry.ts'

const earlierTargets = ['a', 'b', 'c']

for (const [what, targets, left] of [
  ['one of another', ['b'], ['a+c', 'b']],
  ['the first of another', ['a'], ['a', 'b+c']],
  ['all of another', ['c', 'b', 'a'], ['c+b+a']],
  ['none of another', ['d'], ['a+b+c', 'd']],
] as const) {
  t.test(`a transaction that has ${what} leaves that one the rest`, async (t) => {
    const journal = await openJournal(join(t.testdir(), 'journal'))
    const earlier = await entryOf(t, earlierTargets, { phase: 'rolling-back' })
    await journal.put(journalId(earlier), earlier)

    await takeOver(journal, await entryOf(t, targets))

    t.same(await targetsIn(journal), left)
  })
}

t.test('a file of another target is taken over, too', async (t) => {
  const journal = await openJournal(join(t.testdir(), 'journal'))
  await journal.put('a', await entryOf(t, ['a'], { phase: 'rolling-back' }))
  const shared = await entryOf(t, ['a'])
  const [deployment] = shared.deployments

  await takeOver(journal, { ...shared, deployments: deployment === undefined ? [] : [{ ...deployment, target: 'b' }] })

  t.same(await targetsIn(journal), ['b'])
})

/** Each target has a file of its name. */
async function entryOf(
  t: Test,
  targets: readonly string[],
  changes: Partial<JournalEntry> = {},
): Promise<JournalEntry> {
  const deployments = await Promise.all(
    targets.map(async (target) => journalledDeployment(await changesIn(t.testdirName, { [target]: 'new' }), target)),
  )
  return { ...journalEntry({ files: [], link: null }), ...changes, deployments }
}

async function targetsIn(journal: Journal): Promise<readonly string[]> {
  const entries = (await journal.list()).map(({ document }) => document.deployments.map(({ target }) => target))
  return entries.map((targets) => targets.join('+')).toSorted()
}
