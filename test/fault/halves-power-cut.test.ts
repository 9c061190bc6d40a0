import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/host/clock.ts'
import { makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import { allEnded } from '../support/all-ended.ts'
import { makeAuthority } from '../support/certificates.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { cutPower, type Disk, makeDisk, must, unlessMountable } from './support/disk.ts'
import { type Campaign, fewestPoints, isSoak, runCampaign, summaryOf } from './support/halves-campaign.ts'
import { type HalvesHost, openHalvesHost } from './support/halves-host.ts'
import type { Power } from './support/halves-run.ts'

const hostsAtOnce = 2
const mostHandedOutAgain = isSoak ? 100 : 4

const folder = await makeTemporaryFolder('wx-')
t.teardown(() => removeWhenQuiet(folder))
t.setTimeout(7_200_000)

const skip = await unlessMountable(folder)
const where = isSoak ? 'after each call' : 'at a sample of the calls'

t.test(`a power cut ${where} of the deployer loses no job that was taken over, and no report`, { skip }, async (t) => {
  const authority = await makeAuthority()
  const powers = new Map<HalvesHost, Power>()
  const open = async (slot: number): Promise<HalvesHost> => {
    const base = join(folder, String(slot))
    await mkdir(base)
    const disk = await makeDisk(join(base, 'disk.img'), join(base, 'host'))
    await disk.mount()
    const host = await openHalvesHost(base, authority)
    powers.set(host, powerOf(disk))
    return { ...host, close: () => disk.unmount().then(host.close) }
  }
  const opened = await allEnded(Array.from({ length: hostsAtOnce }, (_, slot) => open(slot)))
  t.teardown(() => allEnded(opened.map((host) => host.close())))
  const campaign: Campaign = {
    half: 'deployer',
    both: true,
    sample: 14,
    powerOf: (host) => powers.get(host) ?? never(),
  }

  const report = await runCampaign([...powers.keys()], campaign, (line) => t.comment(line))

  t.same(report.violations, [])
  t.ok(report.killPoints >= fewestPoints(campaign, report), 'the power is cut where it should be')
  t.ok(report.handedOutAgain.length <= mostHandedOutAgain, report.handedOutAgain.join('\n'))
  t.comment(`power cuts: ${summaryOf(report)}`)
})

function powerOf(disk: Disk): Power {
  return {
    settle: () => must('sync', '--file-system', disk.path),
    cut: () => cutPower([disk]),
    back: async () => {
      await unmountWhenFree(disk)
      await disk.mount()
    },
  }
}

/** What was killed may not have let go of its files yet, and is waited for. */
async function unmountWhenFree(disk: Disk): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await disk.unmount()
    } catch (error) {
      if (tries === 100) throw error
      await systemClock.sleep(100)
    }
  }
}

function never(): never {
  throw new Error('this host has no disk of its own')
}
