import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { request } from 'undici'
import { freePorts } from '../../../src/host/file/plain-files.ts'

/** Pebble's server of answers: a resolver that says what it is told, and the port 80 of every name. */
export interface ChallengeServer {
  readonly resolver: string
  readonly httpPort: number
  /** Publishes a TXT record. */
  publish(name: string, value: string): Promise<void>
  /** Answers http-01. */
  serve(token: string, content: string): Promise<void>
  stop(): Promise<void>
}

/** Starts one on free ports of loopback. All names are at 127.0.0.1. */
export async function startChallengeServer(): Promise<ChallengeServer> {
  const [dns = 0, http = 0, management = 0] = await freePorts(3)
  const at = (port: number): string => `127.0.0.1:${port}`
  const options = ['-dns01', at(dns), '-http01', at(http), '-management', at(management), '-defaultIPv6', '']
  const child = spawn('pebble-challtestsrv', [...options, '-https01', '', '-tlsalpn01', ''], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const listens = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes('management')) resolve()
    })
  })
  await Promise.race([listens, exited.then(() => Promise.reject(new Error('it ended before it listened')))])
  const tell = async (what: string, body: object): Promise<void> => {
    for (let tried = 0; ; tried += 1) {
      try {
        const { statusCode, body: said } = await request(`http://${at(management)}/${what}`, {
          method: 'POST',
          body: JSON.stringify(body),
        })
        await said.dump()
        if (statusCode !== 200) throw new Error(`${what}: ${statusCode}`)
        return
      } catch (error) {
        // It says that it will listen before it does.
        if (tried > 100) throw error
      }
    }
  }
  return {
    resolver: at(dns),
    httpPort: http,
    publish: (name, value) => tell('set-txt', { host: `${name}.`, value }),
    serve: (token, content) => tell('add-http01', { token, content }),
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
