import { schemaCheck } from '../schema/schema-check.ts'
import { agentFeatures } from './heard.ts'
import { factsOnWire, type HostFacts } from './host-facts.ts'
import { type Endpoint, openSend, unusable } from './request.ts'
import { registrationSchema } from './wire.ts'

interface Registration {
  readonly id: string
  readonly api_key?: string
  readonly client_certificate_pem?: string
}

const isRegistration = schemaCheck<Registration>(registrationSchema)

/**
 * Registers this host with a one-time token. The credential is null where the server hands out none. Asked again with the same
 * `idempotencyKey`, a server that knows it answers the same agent: the first answer may have been lost.
 */
export async function register(
  endpoint: Endpoint,
  name: string,
  facts: HostFacts,
  idempotencyKey?: string,
  clientCsr?: string,
): Promise<{
  readonly agentId: string
  readonly credential: string | null
  readonly clientCertificate: string | null
}> {
  const { send, close } = openSend(endpoint)
  try {
    const answer = await send({
      method: 'POST',
      path: '/api/v1/agents',
      body: {
        name,
        ...factsOnWire(facts),
        features: agentFeatures,
        ...(clientCsr === undefined ? {} : { client_csr_pem: clientCsr }),
      },
      ...(idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': idempotencyKey } }),
    })
    if (!isRegistration(answer)) throw unusable('the registration answer has no id')
    const { id: agentId, api_key: credential = null, client_certificate_pem: clientCertificate = null } = answer
    return { agentId, credential, clientCertificate }
  } finally {
    await close()
  }
}
