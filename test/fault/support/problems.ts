import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { probeOnce } from '../../../src/verify/probe-once.ts'
import type { TestPair } from '../../support/certificates.ts'
import type { KillHost } from './kill-host.ts'
import { contentsOf } from './scenario.ts'

/** What is on a host, and which of its pairs that is. */
export interface Verdict {
  /** Null: neither of them, whole and alone. */
  readonly pair: 'old' | 'new' | null
  /** What breaks the promise, a sentence each. */
  readonly problems: readonly string[]
}

interface Entry {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  readonly mode: number
  readonly owner: string
  /** Bytes of a file, target of a link. */
  readonly text: string
}

/** Looks at every file of the host, and at its socket. `before`: how the files were at the start. */
export async function judge(host: KillHost, before: readonly Entry[]): Promise<Verdict> {
  const entries = await entriesOf(host.dir)
  const differences = {
    old: differencesFrom('old', host, before, entries),
    new: differencesFrom('new', host, before, entries),
  }
  const pair = (['old', 'new'] as const).find((name) => differences[name].length === 0) ?? null
  const served = await servedLeaf(host.port)
  const expected =
    pair === 'new' ? host.pairs.new.sha256 : host.scenario.start === 'nothing' ? null : host.pairs.old.sha256
  return {
    pair,
    problems: [
      ...(pair === null
        ? [`not the old pair: ${differences.old.join('; ')}`, `not the new pair: ${differences.new.join('; ')}`]
        : []),
      ...(pair !== null && served !== expected ? [`the socket serves ${served}, the disk holds ${expected}`] : []),
      ...leftovers(entries),
      ...keysElsewhere(host, entries),
    ],
  }
}

/** Every file, folder and link below a folder; links are not followed. */
export async function entriesOf(dir: string, below = ''): Promise<readonly Entry[]> {
  const names = (await readdir(join(dir, below))).toSorted()
  const entries = await Promise.all(names.map((name) => entryOf(dir, join(dir, below, name))))
  const inside = entries.filter(({ kind }) => kind === 'folder').map(({ path }) => entriesOf(dir, path))
  return [...entries, ...(await Promise.all(inside)).flat()]
}

async function entryOf(dir: string, path: string): Promise<Entry> {
  const stats = await lstat(path)
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'other'
  const text = kind === 'file' ? await readFile(path, 'latin1') : kind === 'link' ? await readlink(path) : ''
  return { path: relative(dir, path), kind, mode: stats.mode & 0o7777, owner: `${stats.uid}:${stats.gid}`, text }
}

/** The live folder holds all of the pair, as it should be, and nothing else. */
function differencesFrom(
  name: 'old' | 'new',
  host: KillHost,
  before: readonly Entry[],
  entries: readonly Entry[],
): readonly string[] {
  const { start, layout } = host.scenario
  const current = entries.find(({ path }) => path === 'live/current')?.text
  const pair: TestPair | null = name === 'old' && start === 'nothing' ? null : host.pairs[name]
  const expected = pair === null ? [] : Object.entries(contentsOf(layout, pair))
  const places = new Map(expected.map(([file, text]) => [placeOf(`live/${file}`, current), text]))
  const live = entries.filter(({ path, kind }) => path.startsWith('live/') && kind !== 'folder')
  const access = (place: string): string => {
    const was = before.find(({ path }) => path.startsWith('live/') && basename(path) === basename(place))
    return was === undefined ? (place.endsWith('/cert.pem') ? '644 0:0' : '600 0:0') : accessOf(was)
  }
  return [
    ...[...places].flatMap(([place, text]) => {
      const entry = live.find(({ path }) => path === place)
      if (entry?.kind !== 'file') return [`${place} is missing`]
      if (entry.text !== text) return [`${place} holds something else`]
      return accessOf(entry) === access(place) ? [] : [`${place} is ${accessOf(entry)} and not ${access(place)}`]
    }),
    ...live
      .filter(({ path }) => !places.has(path) && !(path === 'live/current' && pair !== null))
      .map(({ path }) => `${path} should not be there`),
    ...entries
      .filter(({ path, kind }) => kind === 'folder' && /^live\/generations\/./.test(path))
      .filter(({ path }) => pair === null || path !== `live/${current}`)
      .map(({ path }) => `the foreign generation ${path}`),
  ]
}

function placeOf(path: string, current: string | undefined): string {
  return path.replace(/^live\/current\//, `live/${current}/`)
}

function accessOf({ mode, owner }: Entry): string {
  return `${mode.toString(8)} ${owner}`
}

function leftovers(entries: readonly Entry[]): readonly string[] {
  return entries
    .filter(({ path }) => /(^|\/)\.waxseal-/.test(path) || path.endsWith('.aside') || /^state\/journal\/./.test(path))
    .map(({ path }) => `${path} is left`)
}

/** A key is in its place, and in the archive (0600), and nowhere else (law 4). */
function keysElsewhere({ pairs }: KillHost, entries: readonly Entry[]): readonly string[] {
  const secrets = [pairs.old, pairs.new].map(({ keyPem }) => keyPem.split('\n')[1] ?? '')
  return entries
    .filter(({ text }) => secrets.some((secret) => text.includes(secret)))
    .filter(({ path, mode }) => !(path.startsWith('state/archive/') && mode === 0o600))
    .filter(({ path }) => !/^live\/(generations\/[^/]+\/|second\/)?(key|both)\.pem$/.test(path))
    .map(({ path }) => `${path} holds a key`)
}

async function servedLeaf(port: number): Promise<string | null> {
  const probe = {
    host: '127.0.0.1',
    port,
    protocol: 'smtp',
    servername: null,
    keyType: null,
    timeoutMs: 10_000,
  } as const
  return (await probeOnce(probe)).leaf?.sha256 ?? null
}
