import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startPostfix } from '../../src/demo/mail-host/postfix-instance.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { resolveUser } from '../../src/host/users.ts'
import { makeAuthority } from './certificates.ts'

/** A mailbox behind a real Postfix. */
export interface Mailbox {
  /** Where it takes mail, at 127.0.0.1. */
  readonly port: number
  /** A file per message that was delivered. */
  readonly folder: string
}

/** Takes mail for `postmaster@box.test` and `noc@box.test`, and refuses all other recipients. Ends with the test. */
export async function startMailbox(t: Test): Promise<Mailbox> {
  const dir = await makeTemporaryFolder('wx-box-')
  const account = await resolveUser('nobody')
  if (account === null) throw new Error('there is no nobody')
  // Delivery has no other rights than those of the mailbox's owner.
  chmodSync(dir, 0o755)
  const folder = join(dir, 'mail')
  mkdirSync(join(folder, 'box', 'new'), { recursive: true })
  for (const name of ['cur', 'tmp']) mkdirSync(join(folder, 'box', name))
  for (const name of ['', 'box', 'box/new', 'box/cur', 'box/tmp'])
    chownSync(join(folder, name), account.uid, account.gid)
  const main = `mydestination =
virtual_mailbox_domains = box.test
virtual_mailbox_base = ${folder}
virtual_mailbox_maps = inline:{ { postmaster@box.test = box/ }, { noc@box.test = box/ } }
virtual_uid_maps = static:${account.uid}
virtual_gid_maps = static:${account.gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtputf8_enable = yes
`
  const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  const daemon = await startPostfix(dir, pair, undefined, { main, master: 'virtual unix - n n - - virtual\n' })
  t.teardown(async () => {
    await daemon.stop()
    await removeTree(dir)
  })
  const port = daemon.ports.find(({ name }) => name === 'smtp')?.port ?? 0
  return { port, folder: join(folder, 'box', 'new') }
}
