import type { FastifyInstance } from 'fastify'
import { crlPath } from '../authority/authority.ts'
import type { Limits } from '../http/limits.ts'
import type { CrlOf } from '../operation/certificate/publish-crl.ts'
import { Refusal } from '../operation/refusal.ts'

/** So long a cache may keep it: a revocation is known an hour later everywhere. */
const maxAgeS = 3600

/** What the CAs have revoked, for everybody: whoever is shown a certificate may ask. */
export function publicCrlRoutes(server: FastifyInstance, crlOf: CrlOf, limits: Limits): void {
  server.get<{ Params: { file: string } }>(`${crlPath}/:file`, async (request, reply) => {
    if (await limits.isAddressLimited(request, reply)) return
    const id = /^([0-9a-f]{16})\.crl$/.exec(request.params.file)?.[1]
    const der = id === undefined ? null : await crlOf(id)
    if (der === null) {
      await limits.countRefused(request)
      throw new Refusal('missing', 'there is no such list')
    }
    await reply
      .header('content-type', 'application/pkix-crl')
      .header('cache-control', `public, max-age=${maxAgeS}`)
      .send(der)
  })
}
