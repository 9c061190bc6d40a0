import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readShownHost } from '../../../src/documents/read-shown-host.ts'
import { shownHostFile, viewFolder } from '../../../src/documents/shown-host.ts'

/** As the first version with two halves wrote it. What was added since then is not in it, and never will be. */
const asFirstWritten = {
  v: 1,
  at: '2026-11-24T12:00:00.000Z',
  records: [],
  last: [],
  recent: [],
  looks: [{ target: 'target-1', at: '2026-11-24T11:00:00.000Z', reasons: [], probes: [], files: [] }],
  recovered: [],
  setAside: [],
  inbox: 0,
  outbox: 0,
  deadLetters: [],
  held: [],
  currentJobs: [],
  brokenTargets: [],
}

t.test('what the version before wrote is read after an upgrade', async (t) => {
  t.same(await readBack(t.testdir(), asFirstWritten), asFirstWritten)
})

t.test('a document that lacks what each version writes is not read', async (t) => {
  const { looks: _, ...torn } = asFirstWritten

  t.equal(await readBack(t.testdir(), torn), null)
})

async function readBack(dir: string, document: object): Promise<unknown> {
  const stateDir = join(dir, 'state')
  await mkdir(viewFolder(stateDir))
  await writeFile(join(viewFolder(stateDir), shownHostFile), JSON.stringify(document))
  return readShownHost(stateDir)
}
