import { Command } from 'commander'

/** `waxseal demo`: everything at once on this machine, in a temporary directory. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Show an issuance, a deployment, an unchanged one and a rollback on this machine, in a temporary directory.',
    )
    .action(async () => {
      const { runDemo } = await import('../../demo/run-demo.ts')
      const stop = new AbortController()
      // Ctrl-C comes twice: from the terminal, and from npm. The second must not cut the clean-up short.
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
      process.exitCode = (await runDemo(process.argv[1] ?? '', stop.signal)) ? 0 : 1
    })
}
