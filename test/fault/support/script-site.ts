import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { writeText } from '../../../src/host/file/plain-files.ts'
import type { OperatorJob } from '../../../src/server/client/operator-client.ts'
import { targetOf } from '../../support/deployment.ts'
import type { WaxsealProcess } from '../../support/process.ts'
import { deploymentsOf, type Site, startSite } from '../../support/site.ts'

/** A site whose check and reload are small scripts of the test. */
export interface ScriptSite extends Site {
  /** Writes a script and returns its path; `log WORD` in it is for `logged`. It ends where it is not told how. */
  script(name: string, lines: readonly string[]): Promise<string>
  /** The words that scripts logged, in order. */
  logged(): Promise<readonly string[]>
  /** Changes the configuration file. */
  configure(changes: Readonly<Record<string, unknown>>): Promise<void>
  /** Allows these commands beside those of the site. */
  allow(...commands: readonly string[]): Promise<void>
  /** A certificate deployed with the usual target and these changes; returns the certificate's id. */
  deploy(changes?: Readonly<Record<string, unknown>>): Promise<string>
  /** The one deployment of a certificate, when the agent has had its final result acknowledged. */
  resultOf(certificate: string, agent: WaxsealProcess): Promise<OperatorJob | undefined>
  /** No warning came but those with these messages. */
  expectWarnings(t: Test, agent: WaxsealProcess, messages: readonly string[]): void
}

/** Starts it. */
export async function startScriptSite(): Promise<ScriptSite> {
  const site = await startSite()
  const { dir, daemon, operator, agentId } = site
  const log = join(dir, 'script.log')
  const file = join(dir, 'waxseal.yaml')
  const configure = async (changes: Readonly<Record<string, unknown>>): Promise<void> => {
    const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    await writeText(file, JSON.stringify({ ...config, ...changes }))
  }
  const usual = [daemon.check.join(' '), daemon.reload.join(' '), 'true', 'false']
  let count = 0
  return {
    ...site,
    configure,
    allow: (...commands) => configure({ policy: { roots: [dir], commands: [...usual, ...commands] } }),
    script: async (name, lines) => {
      const path = join(dir, name)
      await writeText(path, ['#!/bin/sh', `log() { echo "$1" >> ${log}; }`, ...lines, ''].join('\n'), 0o755)
      return path
    },
    logged: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((word) => word !== ''),
    deploy: async (changes = {}) => {
      count += 1
      const config = { ...targetOf(daemon), ...changes }
      const target = await operator.addTarget({ name: `mail-${count}`, agent_id: agentId, type: 'Postfix', config })
      return site.request([target])
    },
    resultOf: async (certificate, agent) => {
      await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
      return (await deploymentsOf(site, certificate))[0]
    },
    expectWarnings: (t, agent, messages) => {
      // The runner of the tests has an option of its own in the environment of every process.
      const warned = agent.lines.filter(({ level, variables }) => Number(level) >= 40 && variables === undefined)
      t.same([...new Set(warned.map(({ msg }) => String(msg)))].toSorted(), messages.toSorted(), 'announced warnings')
    },
  }
}

/** The command line of a daemon's own command. */
export function lineOf(command: readonly string[]): string {
  return command.join(' ')
}
