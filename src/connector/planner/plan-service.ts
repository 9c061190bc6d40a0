import type { Material } from '../../material/material.ts'
import type { Command, FileRole, Plan, PlannedFile } from '../../plan/plan.ts'
import { commandField, modeField } from './field.ts'
import { planProbes, planRetry } from './plan-probes.ts'
import type { AccessTarget, ServiceTarget } from './target.ts'

/** What a connector states of its own: the files, and what its daemon runs when the target does not say. */
export interface ServicePlan {
  readonly connector: string
  /** What is reloaded together: `nginx`. */
  readonly service: string
  readonly files: readonly PlannedFile[]
  readonly check: Command | null
  /** False: no certificate can make the daemon's own check fail. */
  readonly checkReadsCertificates?: false
  /** Null: the daemon watches its files. */
  readonly reload: Command | null
  /** 1: once its own reload has returned, the daemon shows the old leaf no more. Left out: it may for a moment. */
  readonly agreeingLooks?: 1
  readonly generation?: Plan['generation']
}

/** The plan of a daemon: what its connector states, the target's own commands, what is verified and kept. */
export function planService(target: ServiceTarget, material: Material, service: ServicePlan): Plan {
  const { connector, files, generation = null } = service
  const check = commandOf(target, 'validate_command') ?? service.check
  const reload = commandOf(target, 'reload_command') ?? service.reload
  return {
    connector,
    service: service.service,
    files,
    check,
    ...(service.checkReadsCertificates === false
      ? { checkReadsCertificates: isSameCommand(check, service.check) ? false : 'unknown' }
      : {}),
    activate: reload === null ? [] : [reload],
    recover: reload === null ? [] : [reload],
    ...planProbes(target, material),
    retry: planRetry(target),
    ...(service.agreeingLooks === 1 && isOwnReload(reload, service) ? { agreeingLooks: 1 } : {}),
    generation,
    wiring: null,
    backupRetention: target.backup_retention ?? 3,
  }
}

/** Whether it is this very command, of whatever instance: `-c` names its configuration. */
function isSameCommand(one: Command | null, other: Command | null): boolean {
  return wordsOf(one).join('\0') === wordsOf(other).join('\0')
}

/** Whether it is the daemon's own reload, of whatever instance, or the service manager's. */
function isOwnReload(reload: Command | null, { service, reload: own }: ServicePlan): boolean {
  return isSameCommand(reload, own) || wordsOf(reload).join(' ') === `systemctl reload ${service}`
}

function wordsOf(command: Command | null): readonly string[] {
  const [program = '', ...rest] = command ?? []
  return [program.slice(program.lastIndexOf('/') + 1), ...(rest[0] === '-c' ? rest.slice(2) : rest)]
}

function commandOf(target: ServiceTarget, field: 'validate_command' | 'reload_command'): Command | null {
  const line = target[field]
  return line === undefined ? null : commandField(field, line)
}

export type Access = Pick<PlannedFile, 'mode' | 'owner' | 'group'>

/** Mode, owner and group of one file as its target says; left out: the live file's. */
export function accessOf<Prefix extends string>(
  target: AccessTarget<Prefix>,
  prefix: Prefix,
  isSecret: boolean,
): Access {
  const written: Readonly<Record<string, unknown>> = target
  const mode = written[`${prefix}_mode`]
  return {
    mode: mode === undefined ? 'keep' : modeField(`${prefix}_mode`, mode as string | number, isSecret),
    owner: (written[`${prefix}_owner`] as string | undefined) ?? 'keep',
    group: (written[`${prefix}_group`] as string | undefined) ?? 'keep',
  }
}

/** A file with this text. */
export function plannedFile(path: string, role: FileRole, text: string, access: Access): PlannedFile {
  return { path, role, contents: new TextEncoder().encode(text), ...access }
}

/** The certificates of the chain, one behind the other. */
export function chainPem({ chain }: Material): string {
  return chain.map(({ pem }) => pem).join('')
}
