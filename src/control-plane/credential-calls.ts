import { schemaCheck } from '../schema/schema-check.ts'
import { clientLifeOf, credentialOf } from './client-pair.ts'
import { type Send, unusable } from './request.ts'
import { clientCertificateSchema, exchangeSchema } from './wire.ts'

/** A new key, and a CSR for it, both PEM. */
export interface ClientRequest {
  readonly keyPem: string
  readonly csrPem: string
}

/** The calls of an agent that changes its credential (protocol §4). */
export interface CredentialCalls {
  /** Has the server make another credential. The present one is good until the new one was used. */
  exchangeCredential(): Promise<string>
  /** The same, a client certificate for this new key: the credential that both are. */
  exchangeClientCertificate(made: ClientRequest): Promise<string>
}

const isClientCertificate = schemaCheck<{ readonly client_certificate_pem: string }>(clientCertificateSchema)
const isExchange = schemaCheck<{ readonly api_key: string }>(exchangeSchema)

/** `agent` is the path of the agent's own calls. */
export function credentialCalls(send: Send, agent: string): CredentialCalls {
  return {
    exchangeCredential: async () => {
      const answer = await send({ method: 'POST', path: `${agent}/credential` })
      if (!isExchange(answer)) throw unusable('the answer to the exchange of the credential has no api_key')
      return answer.api_key
    },
    exchangeClientCertificate: async ({ keyPem, csrPem }) => {
      const body = { csr_pem: csrPem }
      const answer = await send({ method: 'POST', path: `${agent}/client-certificate`, body })
      if (!isClientCertificate(answer)) throw unusable('the answer to the CSR has no client_certificate_pem')
      return clientCredential(keyPem, answer.client_certificate_pem)
    },
  }
}

/** The credential that a key and the certificate for it are. CONTROL_PLANE_UNREACHABLE: it is for another key, or is none. */
export function clientCredential(keyPem: string, certificatePem: string): string {
  try {
    const credential = credentialOf({ keyPem, certificatePem })
    if (clientLifeOf(credential) !== null) return credential
  } catch {
    // It is no certificate.
  }
  throw unusable('what the server sent is no client certificate for the key of this host')
}
