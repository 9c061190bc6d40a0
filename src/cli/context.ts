import type { Command } from 'commander'
import { type Config } from '../config/config.ts'
import { type Environment, loadConfig } from '../config/load-config.ts'

/** The option that every command has. */
export function withConfig(command: Command): Command {
  return command.option('--config <file>', 'configuration (default: /etc/waxseal/waxseal.yaml)')
}

/** The environment of this process. */
export function environment(): Environment {
  return process.env
}

/** The configuration that a command was given. */
export async function configOf(options: { readonly config?: string }): Promise<Config> {
  return loadConfig({ file: options.config ?? null, env: environment() })
}

/** A commit that has begun is never cancelled (law 7): signals are answered with a sentence until the command is through. */
export function finishFirst(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      process.stderr.write(`waxseal: ${signal}: what has begun is finished first.\n`)
    })
  }
}
