import type { HostView } from '../../connector/host-view.ts'

/** A host view that asks each thing once, for as long as nothing is changed. */
export interface AskedOnce {
  readonly hostView: HostView
  /** Something was changed: all is asked anew. */
  forget(): void
}

/**
 * Each command tells its settings once, and each path where it leads: fifty targets of one daemon have all paths of its settings
 * compared with theirs. Contents of files are read each time.
 */
export function askOnce(host: HostView): AskedOnce {
  const answers = new Map<string, ReturnType<HostView['run']>>()
  const identities = new Map<string, Promise<string>>()
  return {
    hostView: {
      ...host,
      run: (command, reads) => remember(answers, command.join('\0'), () => host.run(command, reads)),
      identity: (path) => remember(identities, path, () => host.identity(path)),
    },
    forget: () => {
      answers.clear()
      identities.clear()
    },
  }
}

function remember<T>(known: Map<string, T>, name: string, ask: () => T): T {
  const answer = known.get(name) ?? ask()
  known.set(name, answer)
  return answer
}
