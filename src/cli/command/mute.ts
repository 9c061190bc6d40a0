import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { muteOnHost, unmuteOnHost } from '../../deployer/mute.ts'
import { readHostMutes } from '../../documents/host-mutes.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { type MatterKind, matterKinds } from '../../notice/matter.ts'
import type { Mute } from '../../notice/mute.ts'
import { configOf, withConfig } from '../context.ts'
import { oneOf } from '../operator/ask-operator.ts'
import { muteTime } from '../operator/mute-time.ts'
import { print, printJson } from '../print/print.ts'
import { table } from '../print/table.ts'

const examples = `
Examples:
  waxseal mute                                        what is muted now
  waxseal mute 4f0c2a77b1d09e35 --for 3d              this matter alone
  waxseal mute --target postfix --for 12h             all of a target that is worked on
  waxseal mute --end mute-0b7c11d2                    tell it again`

interface MuteOptions {
  readonly config?: string
  readonly for?: number
  readonly kind?: MatterKind
  readonly target?: string
  readonly end?: string
  readonly json?: true
}

/** `waxseal mute`: of what nobody is told for a while. */
export function muteCommand(): Command {
  return withConfig(new Command('mute'))
    .description(
      'Have nothing told of a matter on this host, or of all that fit each of these options, for a while; without any, list what is muted.',
    )
    .argument('[matter]', 'its id, as the message names it')
    .option('--for <time>', 'how long: 12h, 3d; 90d at most', muteTime)
    .option('--kind <kind>', `all of this kind: ${matterKinds.join(', ')}`, oneOf(matterKinds))
    .option('--target <target>', 'all of this target, by its name')
    .option('--end <mute>', 'end this one: what it muted is told again')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action(async (matter: string | undefined, options: MuteOptions) => {
      const { stateDir } = await configOf(options)
      const { for: forS, kind = null, target = null, end } = options
      if (end !== undefined) {
        if (!(await unmuteOnHost(stateDir, end))) throw usage('there is no such mute: waxseal mute lists them')
        return print('It is ended: what it muted is told again.')
      }
      if (matter === undefined && kind === null && target === null) return list(await readHostMutes(stateDir), options)
      if (forS === undefined) throw usage('say how long, such as --for 3d')
      const now = Date.now()
      const id = `mute-${randomBytes(4).toString('hex')}`
      const what = { matterId: matter ?? null, kind, agent: null, target }
      const mute: Mute = { id, ...what, until: now + forS * 1000, createdAt: now, createdBy: 'root' }
      await muteOnHost(stateDir, mute, now)
      if (options.json === true) printJson(mute)
      else print(`Muted until ${new Date(mute.until).toISOString()}. To end it: waxseal mute --end ${id}`)
    })
}

function list(mutes: readonly Mute[], { json }: MuteOptions): void {
  const active = mutes.filter(({ until }) => until > Date.now())
  if (json === true) return printJson(active)
  if (active.length === 0) return print('Nothing is muted.')
  const rows = active.map(({ id, matterId, kind, target, until }) => [
    id,
    matterId ?? '-',
    kind ?? '-',
    target ?? '-',
    new Date(until).toISOString().slice(0, 19),
  ])
  print(...table(['MUTE', 'MATTER', 'KIND', 'TARGET', 'UNTIL (UTC)'], rows))
}

function usage(reason: string): WaxsealError {
  return new WaxsealError('USAGE_INVALID', { reason })
}
