import { dropOldFiles } from '../../apply/commit.ts'
import type { ArchivedPair } from '../../journal/archive.ts'
import { type JournalEntry, journalId } from '../../journal/journal.ts'
import { parseMaterial } from '../../material/parse-material.ts'
import type { Outcome } from '../../outcome/outcome.ts'
import type { Engine } from '../engine.ts'
import { isProven, proofOf } from './judge.ts'
import { recordDeployment } from './recorded.ts'
import { type Member, step, type Transaction } from './transaction.ts'

/** The pairs are live, and proven where a listener could be asked: a failure from here on is told in the message, and healed by the next start. */
export async function settle(entry: JournalEntry, members: Transaction, engine: Engine): Promise<readonly Outcome[]> {
  const remarks = members.map((): string[] => [])
  const attempt = async (index: number, what: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: Error) => remarks[index]?.push(` ${what}: ${error.message}.`))
  }
  await step(members, engine, 'settle', async () => {
    for (const [index, member] of members.entries()) {
      const deployment = entry.deployments[index]
      if (deployment === undefined) continue
      await attempt(index, 'The pair was not archived', () => archive(member, engine))
      await attempt(index, 'The deployment was not recorded', () =>
        recordDeployment(entry.service, deployment, member.draft.probes, engine),
      )
    }
    await dropAll(entry, engine).catch((error: Error) => {
      for (const remark of remarks) remark.push(` The clean-up waits for the next start: ${error.message}.`)
    })
  })
  return members.map(({ draft, proposal: { plan } }, index) => {
    const message = draft.probes.length === 0 ? (plan.unverified ?? noneLeft) : proofOf(draft.probes)
    return draft.succeed('deployed', message + (remarks[index]?.join('') ?? ''), isProven(draft.probes))
  })
}

const noneLeft = 'Nothing was verified: nobody listens at any of the endpoints.'

async function dropAll(entry: JournalEntry, engine: Engine): Promise<void> {
  await noteSettling(entry, engine)
  for (const deployment of entry.deployments) await dropOldFiles(deployment)
  await engine.journal.remove(journalId(entry))
}

/** The disk may be full: without the note a crash has the pairs verified once more, so the old files go all the same. */
async function noteSettling(entry: JournalEntry, engine: Engine): Promise<void> {
  try {
    await engine.journal.put(journalId(entry), { ...entry, phase: 'settling' })
  } catch {
    return
  }
}

/** The pair becomes the newest generation; what was there before the first one is kept below it. */
async function archive({ request, proposal }: Member, engine: Engine): Promise<void> {
  const { leaf, chain, keyPem } = proposal.material
  const known = await engine.archive.list(request.target)
  const common = {
    target: request.target,
    deployed: new Date(engine.clock.now()).toISOString(),
    connector: proposal.connector.name,
    config: proposal.config,
  }
  const found = known.length === 0 ? await foundPair(proposal, engine) : null
  if (found !== null) await engine.archive.keep({ ...common, ...found }, proposal.plan.backupRetention)
  const certificatePem = leaf.pem + chain.map(({ pem }) => pem).join('')
  await engine.archive.keep({ ...common, certificatePem, keyPem, sha256: leaf.sha256 }, proposal.plan.backupRetention)
}

/** The pair that somebody else had put there; null: none, or none that could be deployed again. */
async function foundPair(
  { changes }: Member['proposal'],
  engine: Engine,
): Promise<Pick<ArchivedPair, 'certificatePem' | 'keyPem' | 'sha256'> | null> {
  const textOf = (...roles: readonly string[]): string =>
    changes.files
      .filter(({ role }) => roles.includes(role))
      .map(({ live }) => (live === null ? '' : Buffer.from(live.bytes).toString('latin1')))
      .join('\n')
  try {
    const { leaf, chain, keyPem } = await parseMaterial({
      certificatePem: textOf('certificate', 'bundle'),
      chainPem: textOf('chain'),
      keyPem: textOf('key', 'bundle'),
      now: new Date(engine.clock.now()),
      unfit: 'warn',
    })
    return { certificatePem: [leaf, ...chain].map(({ pem }) => pem).join(''), keyPem, sha256: leaf.sha256 }
  } catch {
    return null
  }
}
