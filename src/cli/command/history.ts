import { Command } from 'commander'
import type { Engine } from '../../deployer/engine.ts'
import { findTarget } from '../../deployer/find-target.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { systemClock } from '../../host/clock.ts'
import type { HistoryLine } from '../../journal/history.ts'
import { type TargetNames, targetNames } from '../../journal/target-names.ts'
import { configOf, withConfig } from '../context.ts'
import { print, printJson, whatToDo } from '../print/print.ts'
import { table } from '../print/table.ts'

interface KeptPair {
  readonly target: string
  readonly name: string
  readonly generation: number
  readonly deployed: string
  readonly sha256: string
  readonly live: boolean
}

/** `waxseal history`: what happened, and the pairs that can be deployed again. */
export function historyCommand(): Command {
  return withConfig(new Command('history'))
    .description('Show the deployments of this host, newest first, and the pairs that are kept for waxseal rollback.')
    .argument('[target]', 'only this target, by its name or id')
    .option('--json', 'print one JSON document')
    .action(async (target: string | undefined, options: { readonly config?: string; readonly json?: true }) => {
      const engine = await openEngine(await configOf(options), systemClock)
      const ended = await engine.history.read()
      const names = targetNames([
        ...ended,
        ...(await known(engine)),
        ...(await engine.history.lastPerTarget()).values(),
      ])
      const id = target === undefined ? null : findTarget(target, names)
      const isWanted = (one: { readonly target: string }): boolean => id === null || one.target === id
      const deployments = ended.filter(isWanted).toReversed()
      const pairs = (await keptPairs(engine, names)).filter(isWanted)
      if (options.json === true) printJson({ deployments, pairs })
      else print(...deploymentLines(deployments, names), '', ...pairLines(pairs))
    })
}

/** What is written down of targets beside the deployments to them that ended: those that were forgotten are in the history alone. */
async function known({
  archive,
  records,
}: Engine): Promise<readonly { readonly target: string; readonly targetName?: string }[]> {
  const recorded = (await records.list()).map(({ document }) => document)
  return [...(await archive.targets()).map((target) => ({ target })), ...recorded]
}

async function keptPairs(engine: Engine, { labelOf }: TargetNames): Promise<readonly KeptPair[]> {
  const perTarget = await Promise.all(
    (await engine.archive.targets()).map(async (target) => {
      const leaf = (await engine.records.get(target))?.certificate.sha256
      const pairs = await engine.archive.list(target)
      const live = pairs.find(({ sha256 }) => sha256 === leaf)?.generation
      return pairs.map(({ generation, deployed, sha256 }) => ({
        target,
        name: labelOf(target),
        generation,
        deployed,
        sha256,
        live: generation === live,
      }))
    }),
  )
  return perTarget.flat()
}

const shown = 50

function deploymentLines(lines: readonly HistoryLine[], { labelOf }: TargetNames): readonly string[] {
  if (lines.length === 0) return ['No deployment yet.']
  const rows = table(
    ['STARTED (UTC)', 'TARGET', 'OUTCOME', 'LEAF', 'TOOK', 'CODE'],
    lines
      .slice(0, shown)
      .map(({ time, target, outcome, proven, generation, code, sha256, ms }) => [
        time,
        labelOf(target),
        `${generation === undefined ? '' : `rollback to ${generation}: `}${outcome}${isDoubtful(outcome, proven) ? ', unproven' : ''}`,
        sha256 === null ? '-' : `${sha256.slice(0, 16)}…`,
        `${(ms / 1000).toFixed(1)} s`,
        code ?? '',
      ]),
  )
  return [
    ...rows,
    ...(lines.length > shown ? [`… and ${lines.length - shown} more: --json shows all.`] : []),
    ...(lines[0]?.printed ?? []).map((line) => `  the newest printed: ${line}`),
    ...(lines.slice(0, shown).some(({ code }) => code !== null) ? [whatToDo('CODE')] : []),
  ]
}

function isDoubtful(outcome: HistoryLine['outcome'], proven: boolean | undefined): boolean {
  return proven === false && (outcome === 'deployed' || outcome === 'unchanged')
}

function pairLines(pairs: readonly KeptPair[]): readonly string[] {
  if (pairs.length === 0) return ['No pair is kept.']
  return [
    'Pairs kept for waxseal rollback TARGET --to GENERATION:',
    ...table(
      ['TARGET', 'GENERATION', 'DEPLOYED (UTC)', 'LEAF', ''],
      pairs.map(({ name, generation, deployed, sha256, live }) => [
        name,
        String(generation),
        deployed,
        `${sha256.slice(0, 16)}…`,
        live ? 'live' : '',
      ]),
    ).map((line) => `  ${line}`),
  ]
}
