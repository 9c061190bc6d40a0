import { readFile } from 'node:fs/promises'
import t from 'tap'
import { type Limit, limits } from '../../../src/limit/limits.ts'

t.test('docs/limits.md shows every limit as the code has it, and no other', async (t) => {
  const page = await readFile(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))

  t.strictSame(
    rows,
    Object.entries<Limit>(limits).map(
      ([name, limit]) => `| \`${name}\` | ${limit.what} | ${shown(limit)} | ${limit.beyond} |`,
    ),
  )
})

function shown({ most, unit }: Limit): string {
  if (unit === 'ms') return most < 3_600_000 ? `${most / 60_000} min` : `${most / 3_600_000} h`
  return unit === 'bytes' ? `${most / 1024} KiB` : `${most} ${unit}`
}
