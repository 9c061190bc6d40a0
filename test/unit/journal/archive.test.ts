import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type Archive, type ArchivedPair, openArchive } from '../../../src/journal/archive.ts'

t.test('pairs of one target count up, newest first, whole, and survive the process', async (t) => {
  const path = join(t.testdir(), 'archive')
  const archive = await openArchive(path)
  await archive.keep(pair(1), 3)
  await archive.keep(pair(2), 3)

  const pairs = await (await openArchive(path)).list('target')

  t.same(pairs, [
    { ...pair(2), generation: 2 },
    { ...pair(1), generation: 1 },
  ])
})

const retentions = [
  ['the live one and three older ones by default', 3, [6, 5, 4, 3]],
  ['the live one only with 0', 0, [6]],
  ['none with -1', -1, []],
] as const
for (const [what, retention, kept] of retentions) {
  t.test(`kept are ${what}`, async (t) => {
    const { archive, path } = await open(t.testdir())
    for (let number = 1; number <= 6; number += 1) await archive.keep(pair(number), retention)

    t.same(await generationsOf(archive), kept)
    t.equal((await readdir(path)).length, kept.length)
  })
}

t.test('a retention that is lowered prunes at the next deployment, also of the same pair', async (t) => {
  for (const [retention, kept] of [
    [1, [3, 2]],
    [0, [3]],
    [-1, []],
  ] as const) {
    const { archive } = await open(t.testdir())
    for (const number of [1, 2, 3]) await archive.keep(pair(number), 3)

    await archive.keep(pair(3), retention)

    t.same(await generationsOf(archive), kept, `${retention}`)
  }
})

t.test('the newest pair is not kept twice; an older one that is live again is the newest', async (t) => {
  const { archive } = await open(t.testdir())
  for (const number of [1, 2, 2, 1]) await archive.keep(pair(number), 3)

  t.same(
    (await archive.list('target')).map(({ generation, sha256 }) => [generation, sha256[0]]),
    [
      [3, '1'],
      [2, '2'],
      [1, '1'],
    ],
  )
})

t.test('targets do not share generations, whatever their names are', async (t) => {
  const { archive } = await open(t.testdir())
  const names = ['postfix', 'postfix/1', '../../etc', '/etc/waxseal/target.json']
  for (const target of names) await archive.keep({ ...pair(1), target }, 0)

  t.same((await archive.targets()).toSorted(), names.toSorted())
  for (const target of names) t.same(await generationsOf(archive, target), [1], target)
})

t.test('the folder is 0700 and every file 0600', async (t) => {
  const { archive, path } = await open(t.testdir())
  await archive.keep(pair(1), 3)

  t.equal((await stat(path)).mode & 0o7777, 0o700)
  for (const name of await readdir(path)) t.equal((await stat(join(path, name))).mode & 0o7777, 0o600)
})

t.test('a pair that is torn, of another version or foreign is set aside, and the others are listed', async (t) => {
  const { archive, path } = await open(t.testdir())
  await archive.keep(pair(1), 3)
  await writeFile(join(path, 'torn.json'), '{"v":1,"id":"to')
  await writeFile(join(path, 'other.json'), JSON.stringify({ v: 2, id: 'other', since: 1, document: pair(2) }))
  await writeFile(join(path, 'foreign.json'), JSON.stringify({ v: 1, id: 'foreign', since: 1, document: {} }))

  t.same(await generationsOf(archive), [1])
  t.same((await readdir(path)).filter((name) => name.endsWith('.aside')).toSorted(), [
    'foreign.json.aside',
    'other.json.aside',
    'torn.json.aside',
  ])
})

async function open(dir: string): Promise<{ readonly archive: Archive; readonly path: string }> {
  const path = join(dir, 'archive')
  return { path, archive: await openArchive(path) }
}

async function generationsOf(archive: Archive, target = 'target'): Promise<readonly number[]> {
  return (await archive.list(target)).map(({ generation }) => generation)
}

function pair(number: number): Omit<ArchivedPair, 'generation'> {
  return {
    target: 'target',
    deployed: '2026-11-24T03:04:05Z',
    connector: 'postfix',
    config: { cert_path: '/etc/postfix/cert.pem' },
    certificatePem: `certificate ${number}`,
    keyPem: `key ${number}`,
    sha256: `${number}`.repeat(64),
  }
}
