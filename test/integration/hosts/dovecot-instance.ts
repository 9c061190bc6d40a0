import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { dovecot } from '../../../src/connector/dovecot/dovecot.ts'
import { readDovecotWiring } from '../../../src/connector/dovecot/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import {
  accounts,
  type DovecotRelease,
  spelledFor,
  versionLines,
} from '../../../src/demo/mail-host/dovecot-settings.ts'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { ownInstance } from '../../support/own-instance.ts'
import type { Instance } from './instance.ts'

/** Starts a private Dovecot with these settings of a bundle, written for 2.3, until the end of the test. */
export async function startDovecot(t: Test, dir: string, text: string, release: DovecotRelease): Promise<Instance> {
  const file = join(dir, 'etc', 'dovecot', 'dovecot.conf')
  for (const folder of [dirname(file), join(dir, 'run'), join(dir, 'state')]) await makeFolder(folder)
  const around = `base_dir = ${dir}/run
state_dir = ${dir}/state
instance_name = ${dir.replaceAll(/[^A-Za-z0-9]/g, '-')}
log_path = ${dir}/dovecot.log
${accounts(release, `${dir}/home`)}`
  await writeText(file, versionLines(release) + spelledFor(release, around + text))
  await runOrThrow(['dovecot', '-c', file])
  t.teardown(() => runOrThrow(['doveadm', '-c', file, 'stop']))
  const commands = { check: ['doveconf', '-c', file, '-n'], reload: ['doveadm', '-c', file, 'reload'] } as const
  const connector = ownInstance(dovecot, commands, join(dir, 'run/master.pid'), (view) => readDovecotWiring(view, file))
  return { connector, config: { daemon_config: file } }
}
