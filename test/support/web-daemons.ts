import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOrThrow, waitForPorts } from '../../src/demo/mail-host/daemon.ts'
import { writePair } from '../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, writeText } from '../../src/host/file/plain-files.ts'
import type { TestPair } from './certificates.ts'

/** A private instance of a web server or proxy, with the target that deploys to it. */
export interface WebDaemon {
  readonly port: number
  /** Paths and the daemon's own commands; no endpoint. */
  readonly target: Readonly<Record<string, unknown>>
  /** What the policy has to allow. */
  readonly commands: readonly string[]
  readonly files: readonly string[]
  /** The process id of its master. */
  pid(): Promise<number>
  stop(): Promise<void>
}

/** Starts a daemon below `dir` that serves this pair. Needs root. */
export type StartWebDaemon = (dir: string, pair: TestPair) => Promise<WebDaemon>

interface Site {
  readonly port: number
  readonly config: string
  readonly certPath: string
  readonly keyPath: string
}

/** Writes the configuration and the first pair: key and certificate, or one file for both. */
async function prepare(dir: string, pair: TestPair, name: string, text: (site: Site) => string): Promise<Site> {
  const [port = 0] = await freePorts(1)
  const site = { port, config: join(dir, name), certPath: join(dir, 'cert.pem'), keyPath: join(dir, 'key.pem') }
  await writePair(pair, site)
  await writeText(join(dir, 'site.pem'), pair.certificatePem + pair.chainPem + pair.keyPem, 0o600)
  await writeText(site.config, text(site))
  return site
}

async function pidIn(file: string): Promise<number> {
  return Number(await readFile(file, 'utf8'))
}

async function ready(port: number): Promise<void> {
  await waitForPorts([{ name: 'https', port, protocol: 'tls' }])
}

export const startNginx: StartWebDaemon = async (dir, pair) => {
  const { port, config, certPath, keyPath } = await prepare(
    dir,
    pair,
    'nginx.conf',
    (site) => `user root;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 127.0.0.1:${site.port} ssl;
    ssl_certificate ${site.certPath};
    ssl_certificate_key ${site.keyPath};
  }
}
`,
  )
  const nginx = ['nginx', '-p', dir, '-c', config, '-e', `${dir}/error.log`] as const
  await runOrThrow(nginx)
  await ready(port)
  const [check, reload] = [[...nginx, '-t'].join(' '), [...nginx, '-s', 'reload'].join(' ')]
  return {
    port,
    target: { cert_path: certPath, key_path: keyPath, validate_command: check, reload_command: reload },
    commands: [check, reload],
    files: [certPath, keyPath],
    pid: () => pidIn(join(dir, 'nginx.pid')),
    stop: () => runOrThrow([...nginx, '-s', 'quit']),
  }
}

export const startApache: StartWebDaemon = async (dir, pair) => {
  const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb']
  const { port, config, certPath, keyPath } = await prepare(
    dir,
    pair,
    'httpd.conf',
    (site) => `ServerRoot ${dir}
ServerName localhost
PidFile ${dir}/apache.pid
DefaultRuntimeDir ${dir}
Mutex file:${dir} default
ErrorLog ${dir}/error.log
Listen 127.0.0.1:${site.port}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
SSLEngine on
SSLCertificateFile ${site.certPath}
SSLCertificateKeyFile ${site.keyPath}
`,
  )
  const apache = ['apache2', '-f', config] as const
  await runOrThrow([...apache, '-k', 'start'])
  await ready(port)
  const [check, reload] = [[...apache, '-t'].join(' '), [...apache, '-k', 'graceful'].join(' ')]
  return {
    port,
    target: { cert_path: certPath, key_path: keyPath, validate_command: check, reload_command: reload },
    commands: [check, reload],
    files: [certPath, keyPath],
    pid: () => pidIn(join(dir, 'apache.pid')),
    stop: () => runOrThrow([...apache, '-k', 'stop']),
  }
}

/** With a master socket and a runtime socket; `by` says which of them the target names. */
export function startHaproxy(by: 'master_socket' | 'runtime_socket'): StartWebDaemon {
  return async (dir, pair) => {
    const pem = join(dir, 'site.pem')
    const sockets = { master_socket: join(dir, 'master.sock'), runtime_socket: join(dir, 'runtime.sock') }
    const { port, config } = await prepare(
      dir,
      pair,
      'haproxy.cfg',
      (site) => `global
  stats socket ${sockets.runtime_socket} level admin
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend https
  bind 127.0.0.1:${site.port} ssl crt ${pem}
`,
    )
    const pidFile = join(dir, 'haproxy.pid')
    await runOrThrow(['haproxy', '-W', '-D', '-f', config, '-S', sockets.master_socket, '-p', pidFile])
    await ready(port)
    const check = `haproxy -c -f ${config}`
    return {
      port,
      target: { pem_path: pem, validate_command: check, [by]: sockets[by] },
      commands: [check],
      files: [pem],
      pid: () => pidIn(pidFile),
      stop: async () => {
        process.kill(await pidIn(pidFile), 'SIGTERM')
      },
    }
  }
}

/** With the reload of Debian's unit, or by the admin API. */
export const startCaddy =
  (mode: 'api' | 'file'): StartWebDaemon =>
  async (dir, pair) => {
    const [adminPort = 0] = await freePorts(1)
    const { port, config, certPath, keyPath } = await prepare(dir, pair, 'caddy.json', (site) =>
      JSON.stringify({
        admin: { listen: `127.0.0.1:${adminPort}`, config: { persist: false } },
        logging: { logs: { default: { level: 'ERROR' } } },
        storage: { module: 'file_system', root: `${dir}/storage` },
        apps: {
          tls: { certificates: { load_files: [{ certificate: site.certPath, key: site.keyPath }] } },
          http: {
            servers: {
              site: {
                listen: [`127.0.0.1:${site.port}`],
                automatic_https: { disable: true },
                tls_connection_policies: [{ default_sni: 'www.example.net' }],
                routes: [],
              },
            },
          },
        },
      }),
    )
    const pidFile = join(dir, 'caddy.pid')
    await runOrThrow(['caddy', 'start', '--config', config, '--pidfile', pidFile])
    await ready(port)
    const reload = `caddy reload --force --config ${config}`
    const by = mode === 'file' ? { reload_command: reload } : { admin_api: `http://127.0.0.1:${adminPort}` }
    return {
      port,
      target: { mode, cert_dir: dir, ...by },
      commands: mode === 'file' ? [reload] : [],
      files: [certPath, keyPath],
      pid: () => pidIn(pidFile),
      stop: () => runOrThrow(['caddy', 'stop', '--address', `127.0.0.1:${adminPort}`]),
    }
  }
