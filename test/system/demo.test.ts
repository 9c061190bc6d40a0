import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

t.test('the demo shows a deployment, an unchanged one and a rollback, and ends with 0', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['src/main.ts', 'demo'], { timeout: 120_000 })

  t.match(stdout, /deployed\. /)
  t.match(stdout, /unchanged\. /)
  t.match(stdout, /rolled-back\. /)
  t.match(stdout, /All of it happened/)
})
