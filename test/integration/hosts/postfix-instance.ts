import { join } from 'node:path'
import type { Test } from 'tap'
import { postfix } from '../../../src/connector/postfix/postfix.ts'
import { readPostfixWiring } from '../../../src/connector/postfix/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { innerServices, layOutPostfix, ownPlaces } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { ownInstance } from '../../support/own-instance.ts'
import type { Instance } from './instance.ts'

/** Starts a private Postfix with these settings of a bundle, until the end of the test. */
export async function startPostfix(
  t: Test,
  dir: string,
  { main, master }: { readonly main: string; readonly master: string },
): Promise<Instance> {
  const etc = join(dir, 'etc', 'postfix')
  await makeFolder(join(dir, 'queue'))
  await layOutPostfix(etc, join(dir, 'data'))
  await writeText(join(etc, 'main.cf'), ownPlaces(dir) + main)
  await writeText(join(etc, 'master.cf'), master + innerServices)
  await runOrThrow(['postfix', '-c', etc, 'start'])
  t.teardown(() => runOrThrow(['postfix', '-c', etc, 'stop']))
  const commands = { check: ['postfix', '-c', etc, 'check'], reload: ['postfix', '-c', etc, 'reload'] } as const
  const connector = ownInstance(postfix, commands, join(dir, 'queue/pid/master.pid'), (view) =>
    readPostfixWiring(view, etc),
  )
  return { connector, config: { daemon_config: etc } }
}
