import { appendFile, copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type HistoryLine, openHistory } from '../../../src/journal/history.ts'

t.test('lines are read oldest first, as they were written, by another process too', async (t) => {
  const path = join(t.testdir(), 'history.jsonl')
  await openHistory(path).append(line('one'))
  await openHistory(path).append(line('two'))

  const read = await openHistory(path).read()

  t.same(read, [
    { v: 1, ...line('one') },
    { v: 1, ...line('two') },
  ])
  t.equal((await stat(path)).mode & 0o7777, 0o600)
})

t.test('before the first deployment there is none', async (t) => {
  t.same(await openHistory(join(t.testdir(), 'history.jsonl')).read(), [])
})

t.test('a target that was forgotten has no last deployment until the next; what happened stays', async (t) => {
  const history = openHistory(join(t.testdir(), 'history.jsonl'))
  const lastOnes = async (): Promise<object> =>
    Object.fromEntries([...(await history.lastPerTarget())].map(([target, { ms }]) => [target, ms]))
  for (const [target, ms] of [
    ['one', 1],
    ['two', 2],
    ['one', 3],
  ] as const)
    await history.append({ ...line(target), ms })
  t.same(await lastOnes(), { one: 3, two: 2 })

  await history.forget('one', '2026-11-26T08:00:00.000Z')

  t.same(await lastOnes(), { two: 2 })
  t.equal((await history.read()).length, 3)
  await history.append({ ...line('one'), ms: 4 })
  t.same(await lastOnes(), { one: 4, two: 2 })
})

t.test('jobs that change nothing, however many, push out no line of a deployment that did', async (t) => {
  const path = join(t.testdir(), 'history.jsonl')
  const history = openHistory(path)
  const message = 'x'.repeat(100_000)
  await history.append(line('by hand'))
  await history.append({ ...line('changed'), job: 'job-0', host: 'changed' })

  for (let count = 0; count < 1200; count += 1)
    await history.append({
      ...line(`flood-${count}`),
      job: `job-${count}`,
      outcome: 'refused',
      host: 'untouched',
      message,
    })

  const read = await history.read()
  t.match(read.slice(0, 2), [{ target: 'by hand' }, { target: 'changed' }])
  t.equal(read.at(-1)?.target, 'flood-1199')
  t.ok(read.length < 1200)
  for (const file of [path, `${path}.1`]) t.ok((await stat(file)).size < 1024 * 1024 + 10_000)
})

t.test('a crash between the two steps of a rotation shows no line twice', async (t) => {
  const path = join(t.testdir(), 'history.jsonl')
  const history = openHistory(path)
  for (const target of ['one', 'two']) await history.append(line(target))
  await copyFile(path, `${path}.1`)

  await history.append(line('three'))

  t.same(await targetsIn(path), ['one', 'two', 'three'])
})

t.test('a line that a crash tore is left out, and the next one is whole', async (t) => {
  const path = join(t.testdir(), 'history.jsonl')
  const history = openHistory(path)
  await history.append(line('one'))
  await appendFile(path, '{"v":1,"time":"2026-11-')

  await history.append(line('two'))

  t.same(await targetsIn(path), ['one', 'two'])
})

t.test('lines of another version, of another form, and none at all are left out', async (t) => {
  const path = join(t.testdir(), 'history.jsonl')
  const foreign = [{ v: 2, ...line('later') }, line('no version'), { v: 1, ...line('x'), ms: 'long' }, [], null, 3]
  await writeFile(path, `${foreign.map((one) => JSON.stringify(one)).join('\n')}\n\n\0\n`)
  await openHistory(path).append(line('one'))

  t.same(await targetsIn(path), ['one'])
})

t.test('at 1 MiB the file moves aside once, and both are read: no more than 2 MiB in all', async (t) => {
  const path = join(t.testdir(), 'history.jsonl')
  const history = openHistory(path)
  const long = { ...line('long'), printed: ['x'.repeat(300_000)] }
  const count = 12

  for (let number = 0; number < count; number += 1) await history.append({ ...long, ms: number })

  const numbers = (await history.read()).map(({ ms }) => ms)
  t.same(
    numbers,
    numbers.toSorted((one, other) => one - other),
  )
  t.equal(numbers.at(-1), count - 1)
  t.ok(numbers.length >= 4, `${numbers.length} lines`)
  const [older, newer] = await Promise.all([sizeOf(`${path}.1`), sizeOf(path)])
  t.ok(older > 1024 * 1024 && older + newer < 2.6 * 1024 * 1024, `${older} + ${newer}`)
  t.equal((await stat(`${path}.1`)).mode & 0o7777, 0o600)
})

async function targetsIn(path: string): Promise<readonly string[]> {
  return (await openHistory(path).read()).map(({ target }) => target)
}

async function sizeOf(path: string): Promise<number> {
  return (await readFile(path).catch(() => Buffer.alloc(0))).length
}

function line(target: string): HistoryLine {
  return {
    time: '2026-11-24T03:04:05.000Z',
    target,
    connector: 'postfix',
    outcome: 'deployed',
    host: 'changed',
    code: null,
    message: 'Deployed.',
    sha256: 'a'.repeat(64),
    ms: 12,
  }
}
