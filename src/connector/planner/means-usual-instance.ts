import type { Command } from '../../plan/plan.ts'
import type { ServiceTarget } from './target.ts'

/**
 * Whether a target's commands are the connector's own. Others may reach another instance of the daemon (`nginx -c …`,
 * `docker exec …`), whose settings are not those that the connector can ask for.
 */
export function meansUsualInstance(target: ServiceTarget, standardCommands: readonly Command[]): boolean {
  const usual = standardCommands.map((command) => command.join(' '))
  return [target.reload_command, target.validate_command].every(
    (line) => line === undefined || usual.includes(line.trim().split(/\s+/).join(' ')),
  )
}
