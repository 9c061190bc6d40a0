import { type Actor, audit } from '../audit.ts'
import { activeAgent, certificateNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { beginRenewal } from '../renewal/begin-renewal.ts'
import { heldRenewal } from '../window/held-renewal.ts'

/** Renews a certificate (by id or common name) now, whenever it is due, and whatever window it waits for; returns the job's id. */
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
    const held = await heldRenewal(inside, id)
    if (held !== null) {
      await inside.jobs.postpone(held.id, null, null)
      await audit(inside, actor, 'certificate.renew', id, { job: held.id })
      return { certificateId: id, jobId: held.id }
    }
    const jobId = await beginRenewal(inside, actor, certificate, await inside.versions.newest(id))
    return { certificateId: id, jobId }
  })
}
