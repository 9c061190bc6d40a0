import { chmod } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { nginxOf } from '../../../src/connector/nginx/nginx.ts'
import { readNginxWiring } from '../../../src/connector/nginx/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { ownInstance } from '../../support/own-instance.ts'
import type { Instance } from './instance.ts'

/** Starts a private nginx with these settings of a bundle, until the end of the test. Its reload fails where `DIR/broken` is. */
export async function startNginx(t: Test, dir: string, text: string): Promise<Instance> {
  const file = join(dir, 'etc', 'nginx', 'nginx.conf')
  const program = join(dir, 'nginx')
  await makeFolder(dirname(file))
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`)
  const around = `user root;\npid ${dir}/nginx.pid;\nerror_log ${dir}/error.log;\n`
  await writeText(file, around + text.replace('http {', `http {\naccess_log off;\n${paths.join('\n')}\n`))
  const broken = `[ ! -e ${dir}/broken ] || case "$*" in *reload*) exit 1 ;; esac`
  await writeText(program, `#!/bin/sh\n${broken}\nexec nginx -c ${file} -e ${dir}/error.log "$@"\n`)
  await chmod(program, 0o755)
  await runOrThrow([program])
  // On `quit` the 1.26 of Debian 13 waits for mail clients that have long gone.
  t.teardown(() => runOrThrow([program, '-s', 'stop']))
  const commands = { check: [program, '-t'], reload: [program, '-s', 'reload'] } as const
  const connector = ownInstance(nginxOf([program]), commands, join(dir, 'nginx.pid'), (view) =>
    readNginxWiring(view, [program]),
  )
  return { connector, config: {} }
}
