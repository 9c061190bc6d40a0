import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { ControlPlaneOptions } from '../../src/server/start-control-plane.ts'
import { openTestControlPlane, type TestControlPlane } from './control-plane.ts'
import type { Postgres } from './postgres.ts'

/** Two servers on one new database, which sign with the same CA. */
export async function twoServers(
  t: Test,
  postgres: Postgres,
  options: Partial<ControlPlaneOptions> = {},
): Promise<readonly [TestControlPlane, TestControlPlane]> {
  const dir = t.testdir({})
  const database = await postgres.newDatabase()
  const serve = (name: string) => openTestControlPlane(t, { ...options, dataDir: join(dir, name), database })
  const one = await serve('one')
  await mkdir(join(dir, 'two'))
  for (const name of ['ca.pem', 'ca.key']) await copyFile(join(dir, 'one', name), join(dir, 'two', name))
  return [one, await serve('two')]
}

/** Resolves when so many calls for work wait, as the server itself tells it. */
export async function untilWaiting(plane: TestControlPlane, count: number): Promise<void> {
  const line = new RegExp(`^waxseal_server_polls_waiting ${count}$`, 'm')
  for (;;) {
    const { body } = await plane.ask('GET', '/metrics', plane.operatorToken)
    if (line.test(String(body['text']))) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
