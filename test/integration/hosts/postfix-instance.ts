import { join } from 'node:path'
import type { Test } from 'tap'
import { postfix } from '../../../src/connector/postfix/postfix.ts'
import { readPostfixWiring } from '../../../src/connector/postfix/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { innerServices } from '../../../src/demo/mail-host/postfix-instance.ts'
import { copyMatching, makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { resolveUser } from '../../../src/host/users.ts'
import { ownInstance } from '../../support/own-instance.ts'
import type { Instance } from './instance.ts'

/** Starts a private Postfix with these settings of a bundle, until the end of the test. */
export async function startPostfix(
  t: Test,
  dir: string,
  { main, master }: { readonly main: string; readonly master: string },
): Promise<Instance> {
  const etc = join(dir, 'etc', 'postfix')
  const account = await resolveUser('postfix')
  for (const folder of [etc, join(dir, 'queue')]) await makeFolder(folder)
  await makeFolder(join(dir, 'data'), account ?? undefined)
  await copyMatching('/etc/postfix', etc, /^(postfix-files.*|post-install|postfix-script|dynamicmaps\.cf.*)$/)
  const around = `compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
meta_directory = /etc/postfix
multi_instance_name = postfix-${dir.replaceAll(/[^A-Za-z0-9]/g, '-')}
maillog_file = ${dir}/mail.log
maillog_file_prefixes = ${dir}
mydestination =
alias_maps =
`
  await writeText(join(etc, 'main.cf'), around + main)
  await writeText(join(etc, 'master.cf'), master + innerServices)
  await runOrThrow(['postfix', '-c', etc, 'start'])
  t.teardown(() => runOrThrow(['postfix', '-c', etc, 'stop']))
  const commands = { check: ['postfix', '-c', etc, 'check'], reload: ['postfix', '-c', etc, 'reload'] } as const
  const connector = ownInstance(postfix, commands, join(dir, 'queue/pid/master.pid'), (view) =>
    readPostfixWiring(view, etc),
  )
  return { connector, config: { daemon_config: etc } }
}
