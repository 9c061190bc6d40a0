import { setTimeout } from 'node:timers/promises'

/** Resolves when it is so. For what the server comes to by itself and tells nobody: it is asked again and again. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(200)
}
