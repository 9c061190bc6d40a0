import type { Answer, TestControlPlane } from './control-plane.ts'

/** Asks a server whether it is ready until it answers with this status; its answers are good for a second. Time passes, so that there is something to write. */
export async function readyAs(
  { ask, advance }: Pick<TestControlPlane, 'ask' | 'advance'>,
  status: number,
): Promise<Answer> {
  for (;;) {
    advance(1)
    const answer = await ask('GET', '/readyz', '')
    if (answer.status === status) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
