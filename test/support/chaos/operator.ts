import type { Random } from '../../hostile/support/random.ts'
import { briefly, type ChaosAnswer, type ChaosCall } from './chaos-call.ts'
import type { Told } from './verdict.ts'

/** An operator who tries again until there is an answer, and remembers it. */
export interface ChaosOperator {
  readonly told: Told
  token(): Promise<string>
  target(agent: string, name: string): Promise<string>
  request(agent: string, commonName: string, targets: readonly string[]): Promise<void>
  /** Cancels a job that is open. */
  cancelOne(): Promise<void>
  /** Renews a certificate, unless its renewal is open. */
  renewOne(): Promise<void>
}

const states = ['Pending', 'Running', 'AwaitingCSR'] as const

/** The operator with this token. */
export function openChaosOperator(calls: readonly ChaosCall[], token: string, random: Random): ChaosOperator {
  const certificates: { certificate: string; targets: readonly string[] }[] = []
  const cancelled = new Set<string>()
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<NonNullable<ChaosAnswer>> => {
    for (;;) {
      const answer = await random.pick(calls)(method, `/operator/v1${path}`, token, body)
      if (answer !== null && answer.status < 500 && answer.status !== 429) return answer
      await briefly(random, 300)
    }
  }
  return {
    told: { certificates, cancelled },
    token: async () => String((await call('POST', '/tokens', {})).body['token']),
    target: async (agent, name) => {
      // Where the first answer was lost, the second changes nothing.
      const body = { name, agent_id: agent, type: 'Postfix', config: { mode: 'postfix' }, replace: true }
      return String((await call('POST', '/targets', body)).body['id'])
    },
    request: async (agent, commonName, targets) => {
      const body = { agent_id: agent, common_name: commonName, deploy_to: targets }
      const answer = await call('POST', '/certificates', body)
      if (answer.status !== 201) throw new Error(`a request was refused: ${JSON.stringify(answer)}`)
      certificates.push({ certificate: String(answer.body['certificate_id']), targets })
    },
    cancelOne: async () => {
      const { body } = await call('GET', `/jobs?status=${random.pick(states)}`)
      const jobs = body['jobs'] as readonly { readonly id: string }[]
      if (jobs.length === 0) return
      const { id } = random.pick(jobs)
      const answer = await call('POST', `/jobs/${id}/cancel`)
      if (answer.body['status'] === 'Cancelled') cancelled.add(id)
    },
    renewOne: async () => {
      if (certificates.length > 0) await call('POST', `/certificates/${random.pick(certificates).certificate}/renew`)
    },
  }
}
