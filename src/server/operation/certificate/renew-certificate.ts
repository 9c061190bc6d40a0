import type { Actor } from '../audit.ts'
import { activeAgent, certificateNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { beginRenewal } from '../renewal/begin-renewal.ts'

/** Renews a certificate (by id or common name) now, whenever it is due; returns the job's id. */
export function renewCertificate(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  name: string,
): Promise<{ readonly certificateId: string; readonly jobId: string }> {
  return store.transaction(async (inside) => {
    const { id } = await certificateNamed(inside, name)
    const certificate = await inside.certificates.lock(id)
    if (certificate === null) throw new Refusal('missing', `there is no such certificate: ${name}`)
    await activeAgent(inside, certificate.agentId)
    const jobId = await beginRenewal(inside, actor, certificate, await inside.versions.newest(id))
    return { certificateId: id, jobId }
  })
}
