import t from 'tap'
import { openLog } from '../../../src/log/open-log.ts'
import { hostileText, rawCharacter } from '../../support/hostile-text.ts'

const keyPem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n-----END PRIVATE KEY-----\n'

t.test('the journal is told the priority of each line, before its JSON', async (t) => {
  const { lines, log } = await open('journal')
  log.debug('d')
  log.info('i')
  log.warn('w')
  log.error('e')
  log.fatal('f')

  t.same(
    lines.map((line) => [/^<\d>/.exec(line)?.[0], (JSON.parse(line.slice(3)) as { readonly msg: string }).msg]),
    [
      ['<7>', 'd'],
      ['<6>', 'i'],
      ['<4>', 'w'],
      ['<3>', 'e'],
      ['<2>', 'f'],
    ],
  )
})

t.test('a person gets words, with colours only where they may be', async (t) => {
  const plain = await open('terminal')
  const bright = await open('terminal', true)
  for (const { log } of [plain, bright]) log.warn({ job: 'job-1' }, 'job put off')

  t.match(plain.lines.join(''), /^\[\d\d:\d\d:\d\d\] WARN: job put off \{"job":"job-1"\}\n$/)
  t.match(bright.lines.join(''), '\u{1b}[')
})

t.test('a field that nobody vouched for does not leave, and its name does', async (t) => {
  const { lines, log } = await open('other')
  log.info({ job: 'job-1', keyPem, credential: 'wxs_1' }, 'x')

  t.match(JSON.parse(lines[0] ?? ''), { job: 'job-1', dropped: ['keyPem', 'credential'] })
  t.notMatch(lines[0], /MIGH|wxs_1/)
})

t.test('a key or a bearer token inside an allowed field does not leave', async (t) => {
  const { lines, log } = await open('other')
  log.info({ reason: `broken: ${keyPem}`, details: { answer: 'Authorization: Bearer abc.def', deep: { a: 1 } } }, 'x')
  log.info({ reason: keyPem.slice(0, 50), target: { keyPem }, reasons: [keyPem] }, 'x')

  t.notMatch(lines.join(''), /MIGH|abc\.def/)
  t.match(JSON.parse(lines[0] ?? ''), { reason: /^broken: \[key\]/, details: { deep: '[not shown]' } })
})

t.test('text from outside is plain on a terminal and in JSON, in values as in names', async (t) => {
  for (const form of ['journal', 'terminal', 'other'] as const) {
    const { lines, log } = await open(form)
    log.warn(
      { reason: hostileText, name: hostileText, reasons: [hostileText], details: { [hostileText]: hostileText } },
      'x',
    )

    t.equal(lines.length, 1)
    t.notMatch(lines[0], rawCharacter)
    t.equal(lines[0]?.trimEnd().split('\n').length, 1)
  }
})

t.test('a field is of bounded length', async (t) => {
  const { lines, log } = await open('other')
  log.info({ reason: 'x'.repeat(100_000) }, 'x')

  t.ok((lines[0] ?? '').length < 3000)
})

async function open(form: 'journal' | 'terminal' | 'other', colours = false) {
  const lines: string[] = []
  const log = await openLog({ level: 'debug', form, colours, write: (text) => lines.push(text) })
  return { lines, log }
}
