import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-people-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())

t.test('token prints the token alone, and takes an end, uses and names', async (t) => {
  const printed = await plane.operate('token', '--expires', '2h', '--uses', '3', '--names', 'mail-*')

  t.match(printed, { status: 0, stdout: /^wxt_[\w-]{43}\n$/ })
  for (const [option, wrong] of [
    ['--expires', '2 hours'],
    ['--expires', '1s'],
    ['--uses', '0'],
  ] as const)
    t.match(await plane.operate('token', option, wrong), { status: 2, stdout: '', stderr: /It is/ })
})

t.test('tokens are listed by what people call them, and revoked', async (t) => {
  await plane.operate('token', '--names', 'web-*')
  const { stdout } = await plane.operate('tokens')
  t.match(stdout, /^TOKEN +STATE +ENDS \(UTC\) +USES LEFT +FOR +MADE \(UTC\) +BY\n/)
  const [, id = ''] = /^(\w{16}) +good +20\S+ +1 +web-\* +20\S+ +operator:admin$/m.exec(stdout) ?? []

  t.match(await plane.operate('revoke-token', id), { status: 0, stdout: `token=${id}  status=revoked\n` })
  t.match((await plane.operate('tokens', '--wide')).stdout, new RegExp(`^${id} +ended `, 'm'))
  t.match(await plane.operate('revoke-token', id), { status: 1, stderr: /no such token that is still good/ })
})

t.test('an operator does what its role allows, with its own token, from wherever it is', async (t) => {
  t.match(await plane.operate('operator', 'add', 'ann', '--role', 'readr'), { status: 2, stderr: /Is reader meant\?/ })
  const file = join(dir, 'ann')
  await writeFile(file, (await plane.operate('operator', 'add', 'ann', '--role', 'reader')).stdout)
  const asAnn = ['--token-file', file, '--url', plane.url, '--ca-file', plane.caFile]

  t.match(await plane.operate('agents', ...asAnn), { status: 0 })
  t.match(await plane.operate('token', ...asAnn), {
    status: 1,
    stderr: /this needs the role operator, and yours is reader/,
  })
  t.match(await plane.operate('operators'), { stdout: /^OPERATOR +ROLE .*\nann +reader +2\S+ +-\n$/ })
  await plane.operate('operator', 'revoke', 'ann')
  t.match(await plane.operate('agents', ...asAnn), { status: 1, stderr: /not valid/ })
})

t.test('lists are told what they are to show, and an unknown word is refused with the nearest', async (t) => {
  t.match(await plane.operate('jobs', '--status', 'Faild'), { status: 2, stderr: /Is Failed meant\?/ })
  t.match(await plane.operate('jobs', '--agent', 'nobody'), { status: 1, stderr: /there is no such agent/ })
  t.match(await plane.operate('agents', '--status', 'retired', '--limit', '2', '--json'), { status: 0, stdout: '[]\n' })
})

t.test('the audit trail is shown, its head is kept, and a row that was changed is found', async (t) => {
  t.match(await plane.operate('audit', '--limit', '1000'), { stdout: /operator:admin +operator.revoke +ann/ })
  const head = join(dir, 'head.json')
  await writeFile(head, (await plane.operate('audit', '--export-head')).stdout)
  t.match(await plane.operate('audit', '--verify', '--head', head), { status: 0, stdout: /whole: \d+ rows/ })

  const { link, ...rest } = JSON.parse(await readFile(head, 'utf8')) as { link: number }
  await writeFile(head, JSON.stringify({ ...rest, link: link - 1 }))
  t.match(await plane.operate('audit', '--verify', '--head', head), { status: 1, stderr: /AUDIT_BROKEN/ })

  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(plane.dataDir, 'control-plane.db'))
  t.teardown(() => database.close())
  const forge = "UPDATE audit SET actor = 'operator:bob' WHERE link = 1"
  t.throws(() => database.exec(forge), /only grows/)
  t.throws(() => database.exec('DELETE FROM audit'), /only grows/)
  database.exec(`DROP TRIGGER audit_written_once; DROP TRIGGER audit_linked_once; ${forge}`)
  t.match(await plane.operate('audit', '--verify'), { status: 1, stderr: /AUDIT_BROKEN/ })
})

t.test('an agent is shut out, and readmitted', async (t) => {
  t.match(await plane.operate('revoke-credentials', 'nobody'), { status: 1, stderr: /no such agent/ })
  t.match(await plane.operate('readmit', 'nobody'), { status: 1, stderr: /no such agent/ })
  t.same(jsonOf(await plane.operate('jobs', '--json')), [])
})
