import type { Engine } from '../deployer/engine.ts'
import type { Finding } from './finding.ts'

/** The host's own targets: which jobs each is for, and each file that cannot be used. */
export function examineOwnTargets({
  ownTargets,
  policy,
  targetsDir,
}: Pick<Engine, 'ownTargets' | 'policy' | 'targetsDir'>): readonly Finding[] {
  const { targets, broken } = ownTargets
  const none: Finding = {
    what: 'own targets',
    verdict: 'warning',
    detail: `policy.targets is local and no file in ${targetsDir} is of use: no job is taken`,
  }
  return [
    ...(policy.targets === 'local' && targets.length === 0 ? [none] : []),
    ...targets.map(({ file, connector, targetId, targetName }): Finding => {
      const jobs = targetId === null ? `target_name ${targetName}` : `target_id ${targetId}`
      return { what: `own target ${targetName}`, verdict: 'ok', detail: `${file}: ${connector}, for jobs with ${jobs}` }
    }),
    ...broken.map(({ name, file, reason }): Finding => {
      const detail = `${file}: ${reason}. Jobs for this target are refused until it is mended.`
      return { what: `own target ${name}`, verdict: 'failed', detail }
    }),
  ]
}
