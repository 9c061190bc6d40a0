import { readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type KeyParts, keysOfJob } from '../../../../src/deployer/key/key-of-job.ts'
import type { IssuanceJob } from '../../../../src/documents/job.ts'
import type { DeploymentRecord } from '../../../../src/journal/deployment-record.ts'
import { limits } from '../../../../src/limit/limits.ts'
import { makeKey } from '../../../../src/material/make-key.ts'
import { parsePrivateKey } from '../../../../src/material/parse-key.ts'
import { issuanceJob, openKeyParts } from '../../../support/key-parts.ts'

t.test('a job without a word on keys gets a new one of P-256, and no other is made', async (t) => {
  const { ask, files } = await open(t)

  const first = await ask('job-1')
  const second = await ask('job-2')

  t.equal(first.kind, 'p256')
  t.not(second.spki, first.spki)
  t.equal(second.next, null)
  t.equal((await files()).length, 2)
})

t.test('a key of each kind is made, and is what it was asked to be', async (t) => {
  const { ask } = await open(t)

  for (const keyType of ['p256', 'p384', 'rsa2048', 'ed25519'] as const)
    t.equal((await ask(`job-${keyType}`, { key: 'rotate', keyType })).kind, keyType)
})

t.test('reuse takes the key of before, after a restart, too', async (t) => {
  const { ask, reopen, files } = await open(t)
  const first = await ask('job-1', { key: 'reuse' })

  const again = await ask('job-2', { key: 'reuse' })
  await reopen()
  const later = await ask('job-3', { key: 'reuse', currentSpki: first.spki })

  t.same([again.spki, later.spki], [first.spki, first.spki])
  t.equal((await files()).length, 1)
})

t.test('reuse with another kind makes a key of that kind', async (t) => {
  const { ask } = await open(t)
  const first = await ask('job-1', { key: 'reuse' })

  const second = await ask('job-2', { key: 'reuse', keyType: 'rsa2048', currentSpki: first.spki })
  const third = await ask('job-3', { key: 'reuse', keyType: 'rsa2048', currentSpki: second.spki })

  t.equal(second.kind, 'rsa2048')
  t.equal(third.spki, second.spki)
})

t.test('the next key is made ahead once, and the next rotation takes it, after a restart, too', async (t) => {
  const { ask, reopen, files } = await open(t)

  const first = await ask('job-1', { key: 'rotate', nextKey: true })
  const repeated = await ask('job-1', { key: 'rotate', nextKey: true })
  await reopen()
  const second = await ask('job-2', { key: 'rotate', nextKey: true, currentSpki: first.spki })

  t.ok(first.next)
  t.same(repeated, first)
  t.equal(second.spki, first.next)
  t.notOk([first.spki, first.next].includes(second.next))
  t.equal((await files()).length, 3)
})

t.test('reuse leaves the next key for the rotation that comes', async (t) => {
  const { ask } = await open(t)
  const first = await ask('job-1', { key: 'rotate', nextKey: true })

  const second = await ask('job-2', { key: 'reuse', nextKey: true, currentSpki: first.spki })
  const third = await ask('job-3', { key: 'rotate' })

  t.same(second, first)
  t.equal(third.spki, first.next)
  t.equal(third.next, null)
})

t.test('a next key of another kind than is wanted is not taken', async (t) => {
  const { ask } = await open(t)
  const first = await ask('job-1', { key: 'rotate', nextKey: true })

  const second = await ask('job-2', { key: 'rotate', keyType: 'rsa2048', nextKey: true })

  t.equal(second.kind, 'rsa2048')
  t.not(second.next, first.next)
  t.equal((await ask('job-3', { key: 'rotate', keyType: 'rsa2048' })).spki, second.next)
})

t.test('a next key that is in use since, after the state was put back, is no rotation', async (t) => {
  const { ask, reopen } = await open(t)
  const first = await ask('job-1', { key: 'rotate', nextKey: true })
  await reopen()

  const second = await ask('job-2', { key: 'rotate', currentSpki: String(first.next) })

  t.notOk([first.spki, first.next].includes(second.spki))
})

t.test('two jobs of one certificate at once take no key twice', async (t) => {
  const { ask } = await open(t)
  await ask('job-1', { key: 'rotate', nextKey: true })

  const both = await Promise.all(['job-2', 'job-3'].map((id) => ask(id, { key: 'rotate', nextKey: true })))

  t.equal(new Set(both.map(({ spki }) => spki)).size, 2)
})

t.test('after the state was put back the live file has the key that is to be used again', async (t) => {
  const { ask, dir, records, files } = await open(t)
  const live = parsePrivateKey(await makeKey('p384'))
  await writeFile(join(dir, 'live.pem'), `some text\n${live.keyPem}`)
  records.push(recordOf('mail.example.net', 'a'.repeat(64), join(dir, 'live.pem')))
  const wish = { key: 'reuse', currentSpki: live.spkiSha256 } as const

  const found = await ask('job-1', wish)
  await rm(join(dir, 'live.pem'))
  const again = await ask('job-2', wish)
  const foreign = await ask('job-3', { ...wish, certificateId: 'mc-other', commonName: 'other.example.org' })

  t.same([found.spki, again.spki], [live.spkiSha256, live.spkiSha256])
  t.not(foreign.spki, live.spkiSha256, 'a certificate that shares no name with the target does not get its key')
  t.ok((await files()).includes(`${live.spkiSha256}.pem`))
})

t.test('a key that was lost cannot be used again: a new one takes its place', async (t) => {
  const { ask, dir } = await open(t)
  const first = await ask('job-1', { key: 'reuse' })
  await rm(join(dir, 'keys', `${first.spki}.pem`))

  const second = await ask('job-2', { key: 'reuse', currentSpki: first.spki })

  t.not(second.spki, first.spki)
})

t.test('a kind that policy forbids is refused before any key is made', async (t) => {
  const { ask, files, allow } = await open(t)
  allow(['rsa2048', 'p384'])

  await t.rejects(ask('job-1', { key: 'rotate', keyType: 'p256' }), {
    code: 'KEY_TYPE_NOT_ALLOWED',
    details: { type: 'p256', allowed: ['rsa2048', 'p384'], setting: 'policy.new_keys' },
  })
  t.same(await files(), [])
  t.equal((await ask('job-2')).kind, 'rsa2048', 'where nothing is said, the first one that policy has')
})

t.test('the limit of a certificate holds for keys that are used again, too', async (t) => {
  const { ask, files } = await open(t)
  const { most } = limits.keysPerCertificate
  await ask('job-0', { key: 'reuse' })
  for (let count = 1; count < most; count += 1) await ask(`job-${count}`, { key: 'reuse' })

  await t.rejects(ask('one-more', { key: 'reuse' }), { code: 'LIMIT_EXCEEDED' })
  t.equal((await files()).length, 1)
})

t.test('one job that wants another kind each time it comes has no key made each time', async (t) => {
  const { ask, files } = await open(t)

  for (let count = 0; count < 6; count += 1)
    await ask('job-1', { key: 'rotate', nextKey: true, keyType: count % 2 === 0 ? 'p256' : 'p384' })

  t.equal((await files()).length, 2)
})

t.test(
  'a key that nothing needs is pruned after 30 days; what a record, a job, a ring or a TLSA record needs stays',
  async (t) => {
    const { ask, files, parts, records, dir, age } = await open(t)
    const [loose, deployed, published] = await Promise.all(
      ['p256', 'p256', 'p256'].map(async () => parsePrivateKey(await makeKey('p256'))),
    )
    for (const key of [loose, deployed, published]) if (key !== undefined) await parts().keys.keep(key)
    records.push(recordOf('mail.example.net', String(deployed?.spkiSha256), join(dir, 'none.pem')))
    const wish = { key: 'rotate', nextKey: true, keepSpki: [String(published?.spkiSha256)] } as const
    const asked = [await ask('job-1', wish), await ask('job-2', wish), await ask('job-3', wish)]
    await age(29)
    await ask('job-4', wish)
    t.ok((await files()).includes(`${loose?.spkiSha256}.pem`), 'not before')
    await age(31)

    await ask('job-5', { key: 'rotate' })

    const there = await files()
    t.notOk(there.includes(`${loose?.spkiSha256}.pem`))
    for (const spki of [deployed?.spkiSha256, published?.spkiSha256, ...asked.map(({ spki }) => spki)])
      t.ok(there.includes(`${spki}.pem`))
  },
)

async function open(t: Test) {
  const dir = t.testdir()
  const records: DeploymentRecord[] = []
  const opened = async (): Promise<KeyParts> => ({
    ...(await openKeyParts(dir)),
    records: { list: async () => records.map((document) => ({ id: document.target, document })) },
  })
  let parts = await opened()
  const files = async (): Promise<readonly string[]> => readdir(join(dir, 'keys'))
  return {
    dir,
    records,
    files,
    parts: () => parts,
    reopen: async () => {
      parts = await opened()
    },
    allow: (newKeys: KeyParts['newKeys']) => {
      parts = { ...parts, newKeys }
    },
    age: async (days: number) => {
      const then = new Date(Date.now() - days * 86_400_000)
      for (const name of await files()) await utimes(join(dir, 'keys', name), then, then)
    },
    ask: async (id: string, changes: Partial<IssuanceJob> = {}) => {
      const { key, next } = await keysOfJob(issuanceJob(id, changes), parts)
      return { spki: key.spkiSha256, kind: key.kind, next }
    },
  }
}

function recordOf(name: string, spkiSha256: string, path: string): DeploymentRecord {
  const files = [{ path, role: 'key' }]
  return { target: 'target-1', certificate: { names: [name], spkiSha256 }, files } as unknown as DeploymentRecord
}
