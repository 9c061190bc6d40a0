import type { Material } from '../../material/material.ts'
import type { PlannedFile } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import type { HostView } from '../host-view.ts'
import { invalidField, modeField } from '../planner/field.ts'
import { planService } from '../planner/plan-service.ts'
import type { ServiceTarget, Written } from '../planner/target.ts'
import { serviceFields, targetSchema } from '../planner/target-schema.ts'
import { checkPassword, contentsOf, type Format, formats } from './contents.ts'
import { fileListField, serviceField } from './files-schema.ts'

interface FileTarget {
  readonly path: string
  readonly format: Format
  readonly mode?: Written
  readonly owner?: string
  readonly group?: string
  readonly password_name?: string
  readonly alias?: string
}

interface FilesTarget extends ServiceTarget {
  readonly service: string
  readonly files: readonly FileTarget[]
}

/** Any set of files, for a daemon that has no connector: every command is the host's own policy's. */
export const files: Connector<FilesTarget> = {
  name: 'files',
  aliases: ['Files'],
  description: 'Writes any set of files, runs the commands that the policy of the host allows, and looks at the ports.',
  schema: targetSchema({ service: serviceField, files: fileListField, ...serviceFields }, ['service', 'files']),
  example: {
    service: 'prosody',
    files: [
      { path: '/etc/prosody/certs/example.net.crt', format: 'fullchain' },
      { path: '/etc/prosody/certs/example.net.key', format: 'key', mode: '0640', group: 'prosody' },
    ],
    validate_command: 'prosodyctl check config',
    reload_command: 'prosodyctl reload',
    endpoints: ['xmpp.example.net:5223'],
  },
  standardCommands: [],
  plan: async (target, material, host) => {
    const { service } = target
    const planned = await Promise.all(target.files.map((_, index) => planFile(target, index, material, host)))
    const plan = planService(target, material, {
      connector: 'files',
      service,
      files: planned,
      check: null,
      reload: null,
    })
    if (plan.activate.length > 0) return plan
    return {
      ...plan,
      remarks: [`${service} is not reloaded, for the target has no reload_command: it must see new files by itself.`],
    }
  },
}

async function planFile(
  { files: all, service }: FilesTarget,
  index: number,
  material: Material,
  host: HostView,
): Promise<PlannedFile> {
  const {
    path,
    format,
    mode,
    owner = 'keep',
    group = 'keep',
    password_name: name,
    alias = service,
  } = all[index] as FileTarget
  const role = formats[format]
  const at = (field: string): string => `files.${index}.${field}`
  if (name !== undefined && format !== 'pkcs12')
    throw invalidField(at('password_name'), 'only a file of format "pkcs12" has a password')
  const secret = async (): Promise<{ password: string; alias: string }> => ({
    password: await passwordFor(at('password_name'), name, host),
    alias,
  })
  return {
    path,
    role,
    contents: await contentsOf(format, material, secret),
    mode: mode === undefined ? 'keep' : modeField(at('mode'), mode, role === 'key' || role === 'bundle'),
    owner,
    group,
  }
}

async function passwordFor(field: string, name: string | undefined, host: HostView): Promise<string> {
  if (name === undefined)
    throw invalidField(field, 'format "pkcs12" needs the name of a password that the host keeps (policy.password_dir)')
  const found = await host.password(name)
  if ('reason' in found) throw invalidField(field, found.reason)
  return checkPassword(field, found.password)
}
