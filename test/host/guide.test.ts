import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import t from 'tap'
import { root } from '../../packaging/root.ts'
import { stepsOf } from './support/guide.ts'
import { servedOn } from './support/mail-host.ts'
import { type Job, waitForDeployments } from './support/operator.ts'
import { openSite } from './support/site.ts'

const page = await readFile(join(root, 'docs', 'control-plane.md'), 'utf8')

for (const [release, dovecot] of [
  ['bookworm', '2.3'],
  ['trixie', '2.4'],
] as const) {
  t.test(
    `${release}: the commands of docs/control-plane.md lead from the package to served certificates`,
    async (t) => {
      const site = await openSite(release)
      t.teardown(() => site.close())
      const { mail, control } = site
      const steps = stepsOf(page, 'From nothing to a served certificate', dovecot)
      const started = performance.now()

      for (const { host, command } of steps) {
        const machine = host === 'mail' ? mail : control
        const [, deb] = /^apt install \.\/(\S+\.deb)$/.exec(command) ?? []
        if (deb !== undefined) await machine.write(`/root/${deb}`, site.deb)
        if (command.startsWith('scp ')) {
          // The machines have no SSH.
          for (const from of ['root/token', 'var/lib/waxseal-control-plane/ca.pem'])
            await mail.write(`/root/${from.split('/').at(-1)}`, await control.read(from), 0o600)
        } else await machine.run('sh', '-ec', `cd /root; ${command}`)
        if (command.startsWith('waxseal control-plane request')) await waitForDeployments(site, 2)
      }

      t.comment(`from the package to the end of the page: ${Math.round(performance.now() - started)} ms`)
      const jobs = (await site.operate<readonly Job[]>('jobs')).filter(({ type }) => type === 'Deployment')
      t.match(jobs, [{ status: 'Completed' }, { status: 'Completed' }])
      const leaves = [await servedOn(mail, 25, 'smtp'), await servedOn(mail, 143, 'imap'), await servedOn(mail, 993)]
      const { outcome } = await site.operate<Job>('job', jobs[0]?.id ?? '')
      t.same(new Set(leaves), new Set([outcome?.certificate.sha256]))
      t.match(await mail.run('waxseal', 'check'), /^ok +wiring of dovecot/m)
    },
  )
}
