import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'

/** A private named(8) of BIND 9. */
export interface Named {
  stop(): Promise<void>
}

/** Files of one named: `named.conf` without what keeps it apart from others, and its zone files by name. */
export interface NamedFiles {
  readonly options: string
  readonly more: string
  readonly files: Readonly<Record<string, string>>
}

/** Starts one in this folder, on this port of 127.0.0.1. */
export async function startNamed(dir: string, port: number, { options, more, files }: NamedFiles): Promise<Named> {
  await makeFolder(dir)
  for (const [name, text] of Object.entries(files)) await writeText(join(dir, name), text)
  await writeText(
    join(dir, 'named.conf'),
    `options {
  directory "${dir}"; key-directory "${dir}"; managed-keys-directory "${dir}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  pid-file none; session-keyfile none; dump-file "${dir}/dump"; statistics-file "${dir}/stats";
  allow-query { 127.0.0.0/8; }; notify no; empty-zones-enable no;
  ${options}
};
controls {};
${more}`,
  )
  const child = spawn('/usr/sbin/named', ['-g', '-n', '1', '-c', join(dir, 'named.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const gone = once(child, 'exit')
  const said: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line)
    if (line.endsWith(' running')) resolve()
  })
  void gone.then(() => reject(new Error(`named ends:\n${said.join('\n')}`)))
  await promise
  return {
    stop: async () => {
      if (child.exitCode === null) child.kill('SIGTERM')
      await gone
    },
  }
}
