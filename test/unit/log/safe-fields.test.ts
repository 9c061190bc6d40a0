import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../../packaging/root.ts'
import { safeFields } from '../../../src/log/safe-fields.ts'

t.test('each field that a line of the source is given leaves with it', async (t) => {
  const calls: string[] = []
  for await (const file of glob('src/**/*.ts', { cwd: root })) {
    const source = await readFile(join(root, file), 'utf8')
    for (const [, given = ''] of source.matchAll(/\blog\.(?:debug|info|warn|error)\(\s*\{([^{}]*)\}/g))
      calls.push(...namesIn(given).map((name) => `${file}: ${name}`))
  }

  t.ok(calls.length > 30)
  t.same(
    calls.filter((call) => 'dropped' in safeFields({ [call.split(': ')[1] ?? '']: 1 })),
    [],
  )
})

/** Of an object literal without others in it. */
function namesIn(literal: string): readonly string[] {
  return literal
    .split(',')
    .map((part) => /^\s*(\w+)\s*(?::|$)/.exec(part)?.[1] ?? '')
    .filter((name) => name !== '')
}
