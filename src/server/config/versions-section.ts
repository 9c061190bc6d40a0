import { schemaCheck } from '../../schema/schema-check.ts'
import { below, checked, durationIn, type Section } from './section.ts'
import type { VersionsConfig } from './server-config.ts'

const dayMs = 86_400_000
/** Whoever looks into the last quarter finds what was served then. */
export const keptVersions: VersionsConfig = { keep: 5, keptMs: 90 * dayMs }
/** Ten years. */
const longestMs = 3660 * dayMs

/** JSON schema of `versions`: how many old versions of a certificate are kept, and for how long. `docs/server-configuration.md` has a heading per key. */
export const versionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    keep: { type: 'integer', minimum: 2, maximum: 1000 },
    for: { type: ['string', 'integer'], maxLength: 64 },
  },
} as const

interface WrittenVersions {
  readonly keep?: number
  readonly for?: string | number
}

const check = schemaCheck<WrittenVersions>(versionsSchema)

/** Reads the section. CONFIG_INVALID names what is wrong. */
export function readVersions(section: Section, value: unknown): VersionsConfig {
  const written = checked(section, check, value ?? {})
  return {
    keep: written.keep ?? keptVersions.keep,
    keptMs: written.for === undefined ? keptVersions.keptMs : durationIn(below(section, 'for'), written.for, longestMs),
  }
}
