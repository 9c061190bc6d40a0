import type { Plan, PlannedFile } from '../../plan/plan.ts'
import { errorsText, schemaCheck } from '../../schema/schema-check.ts'
import { planSchema } from './plan-schema.ts'

const isPlan = schemaCheck<Plan>(planSchema)
const maxBytes = 1024 * 1024

/** The plan that a connector of this name made, copied, so that nothing changes it later. Throws TypeError with what is wrong. */
export function parsePlan(connector: string, made: unknown): Plan {
  const plan: unknown = structuredClone(made)
  if (!isPlan(plan)) throw new TypeError(errorsText(isPlan, 'plan'))
  if (plan.connector !== connector) throw new TypeError('its plan is of another connector')
  if (plan.probes.length === 0 && !plan.unverified)
    throw new TypeError('its plan has no probe, and no sentence in `unverified` that says why')
  for (const file of plan.files) checkContents(file)
  return plan
}

/** By its role a file is known to hold a key: then no digest of it is kept, and nobody else may read it (law 4). */
function checkContents({ path, role, contents, mode, fresh }: PlannedFile): void {
  if (!(contents instanceof Uint8Array)) throw new TypeError(`the contents of ${path} are no Uint8Array`)
  if (contents.length > maxBytes) throw new TypeError(`${path} is larger than ${maxBytes} bytes`)
  if (role === 'key' || role === 'bundle') {
    if ((((mode === 'keep' ? 0 : mode) | (fresh?.mode ?? 0)) & 0o007) !== 0)
      throw new TypeError(`${path} holds a key that others may read`)
  } else if (new TextDecoder('latin1').decode(contents).includes('PRIVATE KEY-----')) {
    throw new TypeError(`${path} holds a private key: its role is "key" or "bundle"`)
  }
}
