import type { Material } from '../../material/material.ts'
import type { PlannedFile } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import { invalidField } from '../planner/field.ts'
import { fileNameValue } from '../planner/plan-folder.ts'
import { accessOf, chainPem, plannedFile, planService } from '../planner/plan-service.ts'
import type { AccessTarget, ServiceTarget } from '../planner/target.ts'
import { accessFields, pathValue, serviceFields, targetSchema } from '../planner/target-schema.ts'

interface EnvoyTarget
  extends ServiceTarget,
    AccessTarget<'cert_file'>,
    AccessTarget<'key_file'>,
    AccessTarget<'chain_file'> {
  readonly cert_dir?: string
  readonly cert_filename?: string
  readonly key_filename?: string
  readonly chain_filename?: string
  readonly sds_config?: boolean
  readonly sds_name?: string
}

/** Envoy: it watches `sds.json`, or the folder that this names, for files that are moved in; nothing is run. */
export const envoy: Connector<EnvoyTarget> = {
  name: 'envoy',
  aliases: ['Envoy'],
  description:
    'Writes the pair into a folder that Envoy watches, with `sds.json` where it is asked for, and looks at its ports.',
  schema: targetSchema({
    cert_dir: { ...pathValue, description: 'The folder of all files. Default `/etc/envoy/certs`.' },
    cert_filename: { ...fileNameValue, description: 'Leaf and chain. Default `cert.pem`.' },
    key_filename: { ...fileNameValue, description: 'The private key. Default `key.pem`.' },
    chain_filename: { ...fileNameValue, description: 'The chain once more, in a file of its own. Default: none.' },
    sds_config: { type: 'boolean', description: 'True: `sds.json` is written, for file-based SDS.' },
    sds_name: { type: 'string', minLength: 1, maxLength: 253, description: 'The secret in it. Default `server_cert`.' },
    ...accessFields('cert_file', 'the certificate file'),
    ...accessFields('key_file', 'the key file; one that lets others in is refused'),
    ...accessFields('chain_file', 'the chain file'),
    ...serviceFields,
  }),
  example: { cert_dir: '/etc/envoy/certs', sds_config: true, endpoints: ['www.example.net:443'] },
  standardCommands: [],
  plan: async (target, material) =>
    planService(target, material, {
      connector: 'envoy',
      service: 'envoy',
      files: planFiles(target, material),
      check: null,
      reload: null,
    }),
}

/** `sds.json` comes last, though it says the same each time: its rename is what makes Envoy read the others. */
function planFiles(target: EnvoyTarget, material: Material): readonly PlannedFile[] {
  const folder = (target.cert_dir ?? '/etc/envoy/certs').replace(/\/+$/, '')
  const at = (name: string): string => `${folder}/${name}`
  const [certificate, key] = [at(target.cert_filename ?? 'cert.pem'), at(target.key_filename ?? 'key.pem')]
  const chain = target.chain_filename === undefined ? [] : [at(target.chain_filename)]
  const sds = target.sds_config === true ? [at('sds.json')] : []
  const paths = [key, ...chain, certificate, ...sds]
  if (new Set(paths).size < paths.length) throw invalidField('cert_filename', 'two files of this target have one name')
  return [
    plannedFile(key, 'key', material.keyPem, accessOf(target, 'key_file', true)),
    ...chain.map((path) => plannedFile(path, 'chain', chainPem(material), accessOf(target, 'chain_file', false))),
    plannedFile(
      certificate,
      'certificate',
      material.leaf.pem + chainPem(material),
      accessOf(target, 'cert_file', false),
    ),
    ...sds.map((path) =>
      plannedFile(path, 'other', sdsJson(target.sds_name ?? 'server_cert', folder, certificate, key), {
        mode: 0o644,
        owner: 'keep',
        group: 'keep',
      }),
    ),
  ]
}

/** A discovery response with one secret: envoy.extensions.transport_sockets.tls.v3.Secret. */
function sdsJson(name: string, folder: string, certificate: string, key: string): string {
  const secret = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    name,
    tls_certificate: {
      certificate_chain: { filename: certificate },
      private_key: { filename: key },
      watched_directory: { path: folder },
    },
  }
  return `${JSON.stringify({ resources: [secret] }, null, 2)}\n`
}
