import { type NotifySettings, notifySchema, type WrittenNotify } from '../../notice/notify-settings.ts'
import { resolveNotify } from '../../notice/resolve-notify.ts'
import { schemaCheck } from '../../schema/schema-check.ts'
import { checked, durationIn, refused, requireOwnFile, requireSecret, type Section } from './section.ts'

const check = schemaCheck<WrittenNotify>(notifySchema)
const longestSilenceMs = 30 * 86_400_000

/** Reads `notify`, and looks at the files that it names; null: nobody is told. CONFIG_INVALID names what is wrong. */
export async function readNotify(section: Section, written: unknown): Promise<NotifySettings | null> {
  if (written === undefined) return null
  const notify = checked(section, check, written)
  for (const [place, { url, secret_file: secret, ca_file: ca }] of (notify.webhooks ?? []).entries()) {
    const at = (name: string): Section => ({ file: section.file, path: `${section.path}.webhooks[${place}].${name}` })
    if (!URL.canParse(url)) throw refused(at('url'), 'it is no URL', 'Write it as https://HOST/PATH.')
    await requireSecret(at('secret_file'), secret)
    if (ca !== undefined) await requireOwnFile(at('ca_file'), ca)
  }
  const [program] = notify.command ?? []
  const ofCommand = { file: section.file, path: `${section.path}.command` }
  if (program?.startsWith('/') === false)
    throw refused(ofCommand, 'its program is no absolute path', 'For example: [/usr/local/bin/page, --team, mail].')
  if (program !== undefined) await requireOwnFile(ofCommand, program)
  const silence = { file: section.file, path: `${section.path}.silent_after` }
  return resolveNotify(notify, (value) => durationIn(silence, value, longestSilenceMs))
}
