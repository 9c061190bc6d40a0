import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { runOrThrow } from '../../src/demo/mail-host/daemon.ts'
import { freePorts, writeText } from '../../src/host/file/plain-files.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { jsonOf, type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { deploymentsOf, startSite } from '../support/site.ts'
import { untilShown } from '../support/until-shown.ts'

t.test('a deployment that no listener could show', { skip: unlessInstalled('postfix') }, async (t) => {
  const [port = 0] = await freePorts(1)
  const site = await startSite({ status: { listen: `127.0.0.1:${port}` } })
  t.teardown(() => site.close())
  const waxseal = (...args: readonly string[]): Promise<Ran> =>
    runWaxseal([...args, '--config', join(site.dir, 'waxseal.yaml')])
  const textOf = async (path: string): Promise<string> => (await request(`http://127.0.0.1:${port}${path}`)).body.text()
  await hideStarttls(site.dir, site.daemon.reload)
  const hidden = await site.operator.addTarget({
    name: 'behind',
    agent_id: site.agentId,
    type: 'Postfix',
    config: {
      cert_path: site.daemon.certPath,
      key_path: site.daemon.keyPath,
      validate_command: site.daemon.check.join(' '),
      reload_command: site.daemon.reload.join(' '),
      endpoints: site.daemon.ports
        .filter(({ protocol }) => protocol === 'smtp')
        .map((one) => ({ endpoint: `127.0.0.1:${one.port}`, protocol: 'smtp' })),
      post_deploy_verify_attempts: 2,
      post_deploy_verify_backoff: '20ms',
    },
  })
  const agent = site.startAgent()
  const id = await site.request([hidden])
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'verification' && final === true)
  await untilShown(`http://127.0.0.1:${port}`, ({ deployed }) => deployed !== null)

  await t.test('is told as unproven by the result at the control plane, and by the verification', async (t) => {
    const [job] = await deploymentsOf(site, id)

    t.match(job, { status: 'Completed', outcome: { outcome: 'deployed', host: 'changed', proven: false } })
    t.match(
      site.proxy.seen.flatMap(({ path, body }) => (path.endsWith('/verify') ? [JSON.parse(body)] : [])),
      [{ verified: false, error: /^unproven: it failed in the same way before the deployment: / }],
    )
  })

  await t.test('is told as unproven in the list of jobs of the control plane', async (t) => {
    const list = ['control-plane', 'jobs', '--data-dir', join(site.dir, 'control-plane')]
    const { stdout } = await runWaxseal(list)

    t.match(stdout, / Deployment +Completed, unproven /)
    t.match(stdout, /no listener of the host has shown it: waxseal verify/)
    const jobs = jsonOf<readonly object[]>(await runWaxseal([...list, '--json']))
    t.match(
      jobs.find((job) => 'type' in job && job.type === 'Deployment'),
      { proven: false },
    )
    t.match(
      jobs.find((job) => 'type' in job && job.type === 'Issuance'),
      { proven: null },
    )
  })

  await t.test('is told as unproven by status, history and the log', async (t) => {
    t.match(
      agent.lines.find(({ msg }) => msg === 'deployment ends'),
      { outcome: 'deployed', proven: false },
    )
    t.match((await waxseal('status')).stdout, /^behind .* 0\/2 unproven /m)
    t.match(jsonOf(await waxseal('status', '--json')), {
      targets: [{ deployed: { proven: false }, problems: [/unproven: no listener has shown/] }],
    })
    t.match((await waxseal('history')).stdout, / behind +deployed, unproven /)
  })

  await t.test('is told as unproven by the page and the metrics', async (t) => {
    t.match(await textOf('/'), /unproven/)
    t.match(
      await textOf('/metrics'),
      new RegExp(`^waxseal_target_proven\\{target="${hidden}",name="behind"\\} 0$`, 'm'),
    )
  })
})

/** Nothing that comes from this host is offered STARTTLS, as where a proxy alone is to speak to it. */
async function hideStarttls(dir: string, reload: readonly [string, ...string[]]): Promise<void> {
  await writeText(join(dir, 'hide.cidr'), '127.0.0.0/8 starttls\n')
  const setting = `smtpd_discard_ehlo_keyword_address_maps = cidr:${dir}/hide.cidr`
  await runOrThrow(['postconf', '-c', join(dir, 'postfix', 'etc'), '-e', setting])
  await runOrThrow([...reload])
}
