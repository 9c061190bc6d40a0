import { closeSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { link, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { commitFiles, dropOldFiles } from '../../src/apply/commit.ts'
import { type Destined, type PreparedChanges, prepareChanges } from '../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../src/apply/stage.ts'
import { makeFolder, writeText } from '../../src/host/file/plain-files.ts'
import type { FileRole } from '../../src/plan/plan.ts'
import { openAuthority } from '../../src/server/authority/authority.ts'
import { type Spread, spreadOf } from './figures.ts'

/** The commit path of so many files against its floors. */
export interface ApplyFigures {
  readonly files: number
  /** `stageFiles`, `commitFiles` and `dropOldFiles`. */
  readonly engine: Spread
  /** The same files written, fsynced, linked, renamed and unlinked, the same folder fsynced, by awaited calls. */
  readonly floor: Spread
  /** The same by synchronous calls, which an agent that sends heartbeats cannot make. */
  readonly blocking: Spread
  /** Medians of the ratios of each engine run to the floor run beside it. */
  readonly medianRatio: number
  readonly medianRatioToBlocking: number
}

const subjects = {
  engine: async (changes) => {
    await stageFiles(changes)
    await commitFiles(changes)
    await dropOldFiles(changes)
  },
  floor: performCalls,
  blocking: async (changes, folder) => performBlockingCalls(changes, folder),
} as const satisfies Record<string, (changes: PreparedChanges, folder: string) => Promise<void>>
type Subject = keyof typeof subjects
const names = Object.keys(subjects) as Subject[]

/** Measures all by turns on the file system of `dir`, each as often the first. */
export async function measureApply(
  dir: string,
  files: number,
  { runs, warmUps }: { readonly runs: number; readonly warmUps: number },
): Promise<ApplyFigures> {
  const versions = [await contentsOf(join(dir, `ca-${files}-0`)), await contentsOf(join(dir, `ca-${files}-1`))] as const
  const folderOf = (name: Subject): string => join(dir, `${name}-${files}`)
  for (const name of names) {
    await makeFolder(folderOf(name))
    for (const { file, destination } of destined(folderOf(name), files, versions[1]))
      await writeText(destination, Buffer.from(file.contents).toString('latin1'), 0o600)
  }
  const rounds: Record<Subject, number>[] = []
  for (let i = 0; i < warmUps + runs; i += 1) {
    const round = { engine: 0, floor: 0, blocking: 0 }
    for (const [index] of names.entries()) {
      const name = names[(index + i) % names.length] ?? 'engine'
      const folder = folderOf(name)
      const changes = await prepareChanges(destined(folder, files, versions[i % 2 === 0 ? 0 : 1]), null)
      round[name] = await timed(() => subjects[name](changes, folder))
    }
    if (i >= warmUps) rounds.push(round)
  }
  return {
    files,
    engine: spreadOf(rounds.map(({ engine }) => engine)),
    floor: spreadOf(rounds.map(({ floor }) => floor)),
    blocking: spreadOf(rounds.map(({ blocking }) => blocking)),
    medianRatio: spreadOf(rounds.map(({ engine, floor }) => engine / floor)).medianMs,
    medianRatioToBlocking: spreadOf(rounds.map(({ engine, blocking }) => engine / blocking)).medianMs,
  }
}

async function performCalls({ files }: PreparedChanges, folder: string): Promise<void> {
  for (const { staged, contents } of files) {
    const file = await open(staged, 'wx', 0o600)
    await file.write(contents)
    await file.sync()
    await file.close()
  }
  for (const { destination, kept } of files) await link(destination, kept)
  await syncFolder(folder)
  for (const { staged, destination } of files) await rename(staged, destination)
  await syncFolder(folder)
  for (const { kept } of files) await unlink(kept)
  await syncFolder(folder)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync()
  await folder.close()
}

function performBlockingCalls({ files }: PreparedChanges, folder: string): void {
  for (const { staged, contents } of files) {
    const file = openSync(staged, 'wx', 0o600)
    writeSync(file, contents)
    fsyncSync(file)
    closeSync(file)
  }
  for (const { destination, kept } of files) linkSync(destination, kept)
  blockUntilSynced(folder)
  for (const { staged, destination } of files) renameSync(staged, destination)
  blockUntilSynced(folder)
  for (const { kept } of files) unlinkSync(kept)
  blockUntilSynced(folder)
}

function blockUntilSynced(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

type Contents = Readonly<Record<'certificate' | 'chain' | 'key' | 'bundle', string>>

/** A pair, and its CA as the chain. */
async function contentsOf(folder: string): Promise<Contents> {
  await makeFolder(folder)
  const authority = await openAuthority(folder)
  const { certificatePem, keyPem } = await authority.issueServerPair(['mail.example.net'])
  return { certificate: certificatePem, chain: authority.caPem, key: keyPem, bundle: keyPem + certificatePem }
}

/** One file holds all; more are certificate, chain and key, in this order. */
function destined(folder: string, count: number, contents: Contents): readonly Destined[] {
  const roles = count === 1 ? (['bundle'] as const) : (['certificate', 'chain', 'key'] as const)
  return Array.from({ length: count }, (_, index) => {
    const role: FileRole & keyof Contents = roles[index % roles.length] ?? 'bundle'
    const path = join(folder, `${index}-${role}.pem`)
    const bytes = new TextEncoder().encode(contents[role])
    return {
      file: { path, role, contents: bytes, mode: 'keep', owner: 'keep', group: 'keep' },
      destination: path,
    }
  })
}
