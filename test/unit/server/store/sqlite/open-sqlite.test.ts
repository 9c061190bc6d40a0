import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { Database } from '../../../../../src/server/store/database.ts'
import { openSqlite } from '../../../../../src/server/store/sqlite/open-sqlite.ts'

t.test('writers that come together share one commit, which each is answered after', async (t) => {
  const { db, commits } = await open(t)
  const before = await commits()
  let seen: number | null = null
  const add = (id: number) => db.transaction((inside) => inside.query('INSERT INTO item VALUES ($1)', [id]))

  const all = [add(1), add(2), db.query('INSERT INTO item VALUES ($1)', [3])]
  void all[0]?.then(() => {
    seen = countFrom(t)
  })
  await Promise.all(all)

  t.equal(seen, 3, 'another connection sees all of them by then')
  t.equal((await commits()) - before, 1)
})

t.test('one of them that fails takes nothing of the others with it, and leaves nothing of itself', async (t) => {
  const { db } = await open(t)
  const ended = await Promise.allSettled([
    db.transaction((inside) => inside.query('INSERT INTO item VALUES (1)')),
    db.transaction(async (inside) => {
      await inside.query('INSERT INTO item VALUES (2)')
      throw new Error('as tests want it')
    }),
    db.query('INSERT INTO item VALUES (1)'),
    db.transaction((inside) => inside.query('INSERT INTO item VALUES (3)')),
  ])

  t.same(
    ended.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
  t.same(await idsIn(db), [1, 3])
})

t.test('a write that comes behind the close is refused, and ends no process', async (t) => {
  const db = openSqlite(join(t.testdir(), 'closed.db'), () => 0)
  await db.query('CREATE TABLE item (id INTEGER PRIMARY KEY) STRICT')

  const closed = db.close()
  const late = db.query('INSERT INTO item VALUES (1)')

  await t.resolves(closed)
  await t.rejects(late, { code: 'ERR_INVALID_STATE' })
})

t.test('where SQLite undoes all that share a commit each of them fails, and nothing is told or kept', async (t) => {
  const { db } = await open(t)
  const told: string[] = []
  db.listen((text) => told.push(text))
  const ended = await Promise.allSettled([
    db.transaction(async (inside) => {
      await inside.query('INSERT INTO item VALUES (1)')
      await inside.notify('one')
    }),
    // As a disk that is full or fails does it.
    db.transaction((inside) => inside.query('INSERT OR ROLLBACK INTO item VALUES (1)')),
    db.transaction((inside) => inside.query('INSERT INTO item VALUES (2)')),
  ])

  t.same(new Set(ended.map(({ status }) => status)), new Set(['rejected']))
  t.same(await idsIn(db), [])
  t.same(told, [])
  await db.transaction((inside) => inside.query('INSERT INTO item VALUES (9)'))
  t.same(await idsIn(db), [9], 'and it goes on')
})

t.test('who reads waits for no writer that has not begun, and sees nothing that is not committed', async (t) => {
  const { db } = await open(t)
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const order: string[] = []
  const writing = db.transaction(async (inside) => {
    await inside.query('INSERT INTO item VALUES (1)')
    begin()
    await held
  })
  const first = idsIn(db).then((ids) => order.push(`read ${ids.length}`))
  await first
  await begun
  const second = idsIn(db).then((ids) => order.push(`read ${ids.length}`))
  const next = db.transaction((inside) => inside.query('INSERT INTO item VALUES (2)')).then(() => order.push('written'))
  release()
  await Promise.all([writing, second, next])

  t.same(order, ['read 0', 'read 1', 'written'])
})

t.test('the store outside of a transaction is an error inside of it, and not a wait without an end', async (t) => {
  const { db } = await open(t)
  for (const use of [
    () => db.query('SELECT 1'),
    () => db.query('INSERT INTO item VALUES (1)'),
    () => db.transaction(async () => 1),
  ])
    await t.rejects(
      db.transaction(async () => use()),
      /used inside of it/,
    )
  t.same(await idsIn(db), [])
})

async function open(t: Test) {
  const path = join(t.testdir({}), 'test.db')
  const db = openSqlite(path, () => 0)
  t.teardown(() => db.close())
  await db.query('CREATE TABLE item (id INTEGER PRIMARY KEY) STRICT')
  return { db, commits: () => commitsIn(`${path}-wal`) }
}

/** In the log of SQLite (https://www.sqlite.org/fileformat2.html#walformat): a frame that ends a commit tells the size of the database. */
async function commitsIn(path: string): Promise<number> {
  const log = await readFile(path)
  const frame = 24 + log.readUInt32BE(8)
  let count = 0
  for (let at = 32; at < log.length; at += frame) if (log.readUInt32BE(at + 4) > 0) count += 1
  return count
}

/** As another connection sees it. */
function countFrom(t: Test): number {
  const other = new DatabaseSync(join(t.testdirName, 'test.db'), { readOnly: true })
  const count = Number(other.prepare('SELECT count(*) AS count FROM item').get()?.['count'])
  other.close()
  return count
}

async function idsIn(db: Database): Promise<readonly unknown[]> {
  return (await db.query('SELECT id FROM item ORDER BY id')).map(({ id }) => id)
}
