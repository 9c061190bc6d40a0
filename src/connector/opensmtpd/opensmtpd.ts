import type { Connector } from '../connector.ts'
import { invalidField } from '../planner/field.ts'
import { planPair } from '../planner/plan-pair.ts'
import type { PairTarget } from '../planner/target.ts'
import { pairFields, targetSchema } from '../planner/target-schema.ts'

/** smtpd.conf(5) names no file: these are what `pki` lines can name. */
const defaults = {
  service: 'opensmtpd',
  certPath: '/etc/ssl/opensmtpd/cert.pem',
  keyPath: '/etc/ssl/opensmtpd/key.pem',
  check: ['smtpd', '-n'],
  reload: ['systemctl', 'restart', 'opensmtpd'],
} as const

/** OpenSMTPD: it reads its files once, when it starts, has no reload, and ends on SIGHUP: it is restarted. */
export const opensmtpd: Connector<PairTarget> = {
  name: 'opensmtpd',
  aliases: ['OpenSMTPD'],
  description: 'Writes the pair that OpenSMTPD reads, restarts it, for it has no reload, and looks at its ports.',
  schema: targetSchema(pairFields),
  example: {
    cert_path: '/etc/ssl/opensmtpd/cert.pem',
    key_path: '/etc/ssl/opensmtpd/key.pem',
    endpoints: ['mail.example.net:25'],
  },
  standardCommands: [defaults.check, defaults.reload],
  plan: async (target, material) => {
    const plan = planPair('opensmtpd', target, material, defaults)
    const key = plan.files.find(({ role }) => role === 'key' || role === 'bundle')
    if (key !== undefined && key.mode !== 'keep' && (key.mode & 0o037) !== 0)
      throw invalidField('key_file_mode', 'smtpd reads no key that its group may write or others may read')
    if (!['keep', 'root', '0'].includes(key?.owner ?? 'keep'))
      throw invalidField('key_file_owner', 'smtpd reads no key that root does not own')
    return plan
  },
}
