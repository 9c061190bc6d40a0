import t from 'tap'
import { checkOwners } from '../../../src/policy/check-owners.ts'

const root = { uid: 0, gid: 0 }

t.test('root, the live file’s owner, and named accounts may have a file', async () => {
  await checkOwners([{ path: '/a', live: null, after: root }], [])
  await checkOwners([{ path: '/a', live: { uid: 1234, gid: 4321 }, after: { uid: 1234, gid: 4321 } }], [])
  await checkOwners([{ path: '/a', live: root, after: { uid: 8, gid: 8 } }], ['mail', 'no-such-account'])
  await checkOwners([{ path: '/a', live: root, after: { uid: 8, gid: 8 } }], ['8'])
})

t.test('nobody else may, and the error names the file and the setting', async (t) => {
  const setting = 'policy.owners'

  for (const [live, after, details] of [
    [null, { uid: 65534, gid: 0 }, { path: '/a', owner: 65534, setting }],
    [root, { uid: 0, gid: 65534 }, { path: '/a', group: 65534, setting }],
    [{ uid: 8, gid: 8 }, { uid: 0, gid: 9 }, { group: 9 }],
    [null, { uid: 9, gid: 0 }, { owner: 9 }],
  ] as const)
    await t.rejects(checkOwners([{ path: '/a', live, after }], ['mail']), { code: 'OWNER_NOT_ALLOWED', details })
})
