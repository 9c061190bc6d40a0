import type { Command } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import { invalidField } from '../planner/field.ts'
import { planPair } from '../planner/plan-pair.ts'
import type { PairTarget } from '../planner/target.ts'
import { pairFields, pathValue, targetSchema } from '../planner/target-schema.ts'
import { wirePlan } from '../wiring/wire-plan.ts'
import { readEximWiring } from './read-wiring.ts'

interface EximTarget extends PairTarget {
  readonly daemon_config?: string
}

/** Debian's paths, and the account that Exim reads the key under. */
const defaults = {
  service: 'exim',
  certPath: '/etc/exim4/exim.crt',
  keyPath: '/etc/exim4/exim.key',
  check: ['exim4', '-bV'],
  reload: ['systemctl', 'reload', 'exim4'],
  freshKey: { mode: 0o640, owner: 'root', group: 'Debian-exim' },
} as const

/** Exim: it notices replaced files by itself, and is reloaded all the same, so that the moment is known. */
export const exim: Connector<EximTarget> = {
  name: 'exim',
  aliases: ['Exim'],
  description: 'Writes the pair that Exim reads, its key readable by Debian-exim, reloads it and looks at its ports.',
  schema: targetSchema({
    daemon_config: {
      ...pathValue,
      description:
        "The settings of another instance than the system's, asked for its ports and files. Needs a `reload_command`.",
    },
    ...pairFields,
  }),
  example: {
    cert_path: '/etc/exim4/exim.crt',
    key_path: '/etc/exim4/exim.key',
    endpoints: ['mail.example.net:25'],
  },
  standardCommands: [defaults.check, defaults.reload, ['systemctl', 'restart', 'exim4']],
  readWiring: (host) => readEximWiring(host, null),
  own: { ...defaults, pidFiles: ['/run/exim4/exim.pid'] },
  plan: async (target, material, host) => {
    const config = target.daemon_config ?? null
    if (config !== null && target.reload_command === undefined)
      throw invalidField('reload_command', 'only the administrator knows how another instance is reloaded')
    const check: Command = config === null ? defaults.check : ['exim4', '-C', config, '-bV']
    const plan = planPair('exim', target, material, { ...defaults, check })
    return wirePlan(plan, await readEximWiring(host, config), target, material, host)
  },
}
