import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { removeTree } from '../../src/host/file/plain-files.ts'
import { allEnded } from '../support/all-ended.ts'
import { makeAuthority } from '../support/certificates.ts'
import {
  type Campaign,
  type CampaignReport,
  fewestPoints,
  isSoak,
  runCampaign,
  summaryOf,
} from './support/halves-campaign.ts'
import { openHalvesHost } from './support/halves-host.ts'
import { whyNoStrace } from './support/strace.ts'

const hostsAtOnce = 3
/** The answer to a poll may die before the job is durable, which is one moment, and some calls of it: the job comes again when its lease has run out. */
const mostHandedOutAgain = isSoak ? 12 : 2

const campaigns: readonly Campaign[] = [
  { half: 'deployer', both: false, sample: 16 },
  { half: 'courier', both: false, sample: 10 },
  { half: 'deployer', both: true, sample: 5 },
  { half: 'courier', both: true, sample: 3 },
]

t.setTimeout(7_200_000)

if (platform() === 'linux') await killTheHalves()
else t.comment(`strace(1) is for Linux, and this is ${platform()}: nothing is killed here`)

async function killTheHalves(): Promise<void> {
  const why = await whyNoStrace()
  if (why !== null) {
    t.fail(why)
    return
  }
  const base = await realpath(await mkdtemp(join(tmpdir(), 'wx-')))
  t.teardown(() => removeTree(base))
  const authority = await makeAuthority()
  const hosts = await allEnded(
    Array.from({ length: hostsAtOnce }, (_, slot) => openHalvesHost(join(base, String(slot)), authority)),
  )
  t.teardown(() => allEnded(hosts.map((host) => host.close())))
  const reports: CampaignReport[] = []
  for (const campaign of campaigns) {
    const who = campaign.both
      ? `both halves killed at once, counted by the ${campaign.half},`
      : `the ${campaign.half} killed`
    const where = isSoak ? 'after each of its calls' : 'at a sample of its calls'
    await t.test(`${who} ${where} loses no job and no report, and does nothing twice`, async (t) => {
      const report = await runCampaign(hosts, campaign, (line) => t.comment(line))
      reports.push(report)
      t.same(report.violations, [])
      t.ok(report.killPoints >= fewestPoints(campaign, report), 'it is killed where it should be')
      t.ok(report.handedOutAgain.length <= mostHandedOutAgain, report.handedOutAgain.join('\n'))
      t.comment(summaryOf(report))
    })
  }
  await mkdir(join(tmpdir(), 'waxseal-fault'), { recursive: true })
  await writeFile(join(tmpdir(), 'waxseal-fault', 'halves-kill.json'), `${JSON.stringify(reports, null, 2)}\n`)
}
