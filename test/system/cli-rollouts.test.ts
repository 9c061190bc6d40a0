import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { openOperator } from '../../src/server/client/operator-client.ts'
import { newCsr } from '../support/csr.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-rollouts-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())
const { operate } = plane
const caPem = await readFile(plane.caFile, 'utf8')
const operatorToken = (await readFile(join(plane.dataDir, 'operator-token'), 'utf8')).trim()
const operator = openOperator({ url: plane.url, caPem, operatorToken })
const dispatcher = new Agent({ connect: { ca: caPem } })
t.teardown(async () => {
  await operator.close()
  await dispatcher.destroy()
})

const host = await enrol('mail-1')
const target = await operator.addTarget({ name: 'postfix', agent_id: host.id, type: 'Postfix', config: {} })

t.test('without a certificate on them there is nothing to roll out, and no roll-out', async (t) => {
  await operator.label('mail-1', { set: { role: 'mx' }, remove: [] })

  t.match(await operate('rollouts'), { status: 0, stdout: /^There is no roll-out: .*rollout start\.\n$/ })
  t.match(await operate('rollout', 'start', 'one', '--action', 'renew', '--label', 'role=mx'), {
    status: 1,
    stderr: /nothing to roll out/,
  })
})

t.test('a roll-out is started, shown, resumed and taken back by commands', async (t) => {
  const wanted = { agent_id: host.id, common_name: 'mail.example.net', deploy_to: [target] }
  const { certificate_id: certificate } = await operator.requestCertificate(wanted)
  await host.sendCsr(certificate)
  await host.finish(true)

  const window = ['--window', '* * * * *', '--window-for', '3h', '--time-zone', 'Europe/Berlin']
  const rules = ['--first', 'mail-1', '--stop-after', '1', '--stop-share', '10%', '--deadline', '2h', ...window]
  t.match(await operate('rollout', 'start', 'one', '--action', 'renew', '--label', 'role=mx', ...rules), {
    status: 0,
    stdout: /^one has begun with 1 targets; hosts of wave 1: 1\.\nNext: waxseal control-plane rollout show one\n$/,
  })
  await host.awaited()
  t.equal(await host.sendCsr(certificate), 202)
  await host.finish(false)

  const shown = (await operate('rollout', 'show', 'one')).stdout
  t.match(shown, /^one: renew, stopped: 1 of its hosts failed; it stops at 1\n/)
  t.match(
    shown,
    /^Wave 1 of 1\. It stops at 1 failed host or at 10 per cent of a wave\. A host is silent after 120 minutes\.$/m,
  )
  t.match(shown, /^WAVE +HOSTS +TARGETS WAITING +OPEN +PROVEN +FAILED +SKIPPED\n1 +1 +0 +0 +0 +1 +0$/m)
  t.match(shown, /^mail-1 +postfix +1 +failed +job-\w+ +- +unproven: /m)
  t.match(shown, /rollout resume one \(--retry/)
  t.match((await operate('rollouts')).stdout, /^one +renew +stopped +1 of 1 +0 +1 +0 +20\S+ +admin$/m)
  t.match(jsonOf(await operate('rollout', 'show', 'one', '--json')), {
    state: 'stopped',
    failed: [{ state: 'failed' }],
  })
  t.match(await operate('rollout', 'take-back', 'one'), { status: 0, stdout: /name=one +state=taking-back\n$/ })
  await host.finish(true)
  t.match(
    (await operate('rollout', 'targets', 'one')).stdout,
    /^mail-1 +postfix +1 +failed +job-\w+ +Completed +unproven/m,
  )
  t.match(await operate('rollout', 'targets', 'one', '--status', 'proven'), { stdout: 'There is none of these.\n' })
  t.match(await operate('rollout', 'resume', 'one'), { status: 1, stderr: /is tak\S+, and not stopped/ })
  t.match(await operate('rollout', 'abandon', 'ona'), { status: 1, stderr: /no such roll-out: ona; is one meant\?/ })
})

t.test('what is no rule of a roll-out is refused with its form', async (t) => {
  const start = (...args: readonly string[]) => operate('rollout', 'start', 'x', '--action', 'renew', '--all', ...args)

  t.match(await start('--waves', '5%,25%'), { status: 2, stderr: /grow to 100%/ })
  t.match(await start('--waves', '50,20,100'), { status: 2, stderr: /grow to 100%/ })
  t.match(await start('--stop-share', '0%'), { status: 2, stderr: /a share such as 10%/ })
  t.match(await start('--stop-after', '0'), { status: 2, stderr: /whole number from 1/ })
  t.match(await start('--first', 'a,,b'), { status: 2, stderr: /names with commas/ })
  t.match(await start('--window', '0 2 * * *'), { status: 2, stderr: /a window has a start and a duration/ })
  t.match(await start('--time-zone', 'UTC'), { status: 2, stderr: /a window has a start and a duration/ })
  t.match(await start('--deadline', '5s'), { status: 2, stderr: /from 1m to 30d/ })
  t.match(await operate('rollout', 'start', 'x', '--action', 'renw', '--all'), {
    status: 2,
    stderr: /Is renew meant\?/,
  })
  t.match(await operate('rollout', 'show', 'x'), { status: 1, stderr: /no such roll-out: x/ })
})

/** A host by its calls alone. */
async function enrol(name: string) {
  const ask = async (method: 'GET' | 'POST', path: string, credential: string, body?: object) => {
    const { statusCode, body: answer } = await request(`${plane.url}/api/v1/agents${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    return { statusCode, document: (await answer.json()) as Readonly<Record<string, unknown>> }
  }
  const { document } = await ask('POST', '', await plane.token(), { name, hostname: `${name}.example.net` })
  const [id, credential] = [String(document['id']), String(document['api_key'])]
  /** A call that waits is answered when there is a job. */
  const awaited = async (): Promise<readonly { readonly id: string }[]> => {
    for (;;) {
      const { document } = await ask('GET', `/${id}/work?wait=30`, credential)
      const { jobs } = document as { readonly jobs: readonly { readonly id: string }[] }
      if (jobs.length > 0) return jobs
    }
  }
  return {
    id,
    sendCsr: async (certificate: string): Promise<number> => {
      const body = { certificate_id: certificate, csr_pem: await newCsr(['mail.example.net']) }
      return (await ask('POST', `/${id}/csr`, credential, body)).statusCode
    },
    awaited,
    /** Ends what there is to do, when there is something. */
    finish: async (isProven: boolean): Promise<void> => {
      const jobs = await awaited()
      const said = { status: 'Completed', outcome: { outcome: 'deployed', proven: isProven } }
      for (const job of jobs) await ask('POST', `/${id}/jobs/${job.id}/status`, credential, said)
    },
  }
}
