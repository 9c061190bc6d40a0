import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { apacheOf } from '../../../src/connector/apache/apache.ts'
import { readApacheWiring } from '../../../src/connector/apache/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { ownInstance } from '../../support/own-instance.ts'
import type { Instance } from './instance.ts'

const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb']

/** Starts a private Apache with these settings of a bundle, until the end of the test. */
export async function startApache(t: Test, dir: string, text: string): Promise<Instance> {
  const file = join(dir, 'etc', 'apache2', 'apache2.conf')
  await makeFolder(dirname(file))
  const around = `ServerRoot ${dirname(file)}
ServerName localhost
PidFile ${dir}/apache.pid
DefaultRuntimeDir ${dir}
Mutex file:${dir} default
ErrorLog ${dir}/apache.log
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
`
  await writeText(file, around + text)
  const program = ['apache2', '-f', file] as const
  const commands = { check: [...program, '-t'], reload: [...program, '-k', 'graceful'] } as const
  await runOrThrow([...program, '-k', 'start'])
  t.teardown(() => runOrThrow([...program, '-k', 'stop']))
  const connector = ownInstance(apacheOf({ program, ...commands }), commands, join(dir, 'apache.pid'), (view) =>
    readApacheWiring(view, program),
  )
  return { connector, config: {} }
}
