import { readFile } from 'node:fs/promises'
import t from 'tap'
import { installedDocs } from '../../packaging/shipped-docs.ts'
import { catalogue } from '../../src/error/catalogue.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'

t.test('explain says of each code what docs/errors.md says of it, without the marks of Markdown', async (t) => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const all = jsonOf<readonly { readonly code: string; readonly text: string; readonly host: string }[]>(
    await runWaxseal(['explain', '--json']),
  )

  t.same(
    all.map(({ code }) => code),
    Object.keys(catalogue),
  )
  for (const { code, text, host } of all) {
    const [, section = ''] = page.split(`\n## ${code}\n`)
    const words = (of: string): string => of.replaceAll(/\]\([^)]*\)|[*[\]]/g, '')
    t.equal(words(text.replaceAll(installedDocs, 'docs/')), words(section.split('\n## ')[0]?.trim() ?? ''), code)
    t.match(text, `Host: ${host}. Retry: `)
    t.notMatch(text, /\]\(|\*\*/)
  }
})

t.test('explain takes a code in any case, and prints its sentence first', async (t) => {
  t.match(await runWaxseal(['explain', 'verify_failed']), {
    status: 0,
    stdout: /^VERIFY_FAILED: The new certificate was not served on every probe\.\n\nHost: restored\. Retry: never\. /,
    stderr: '',
  })
})

t.test('explain without a code lists all of them', async (t) => {
  const ran = await runWaxseal(['explain'])

  t.equal(ran.status, 0)
  for (const [code, { message }] of Object.entries(catalogue))
    t.match(ran.stdout, new RegExp(`^${code} +${message}$`, 'm'))
})

t.test('a code that is none ends with 2, with the nearest one', async (t) => {
  t.match(await runWaxseal(['explain', 'VERFY_FAILD']), {
    status: 2,
    stdout: '',
    stderr:
      /^waxseal: USAGE_INVALID: .*VERFY_FAILD.*Is VERIFY_FAILED meant\?.*\n {2}waxseal explain USAGE_INVALID says what to do/,
  })
  t.match(await runWaxseal(['explain', 'x'.repeat(10_000)]), { status: 2, stderr: /waxseal explain lists all codes/ })
})
