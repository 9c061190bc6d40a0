import t from 'tap'
import type { Told } from '../../../src/notice/matter-life.ts'
import { mostLines, type Notice, noticeOf, testNotice } from '../../../src/notice/notice.ts'
import { noticeText } from '../../../src/notice/notice-text.ts'
import { openMatter } from '../../support/matters.ts'

const now = Date.parse('2026-11-01T00:00:00Z')
const matter = openMatter(now)
const none: Told = { opened: [], still: [], over: [] }

t.test('a person reads what is wrong, where, since when, and what to do', async (t) => {
  const notice = noticeFor({ ...none, opened: [matter] })

  const { subject, text } = noticeText(notice)

  t.equal(subject, 'waxseal on certs.example.net: VERIFY_FAILED postfix')
  t.match(text, 'The deployment of mail.example.net was rolled back.')
  t.match(text, 'host mail-1, target postfix, certificate mail.example.net, since 2026-11-01T00:00:00.000Z')
  t.match(text, 'deployment, VERIFY_FAILED, matter 00112233445566aa')
  t.match(text, 'waxseal explain VERIFY_FAILED says what to do.')
})

t.test('nobody is sent to the explanation of a word that is no error code', async (t) => {
  const { text } = noticeText(noticeFor({ ...none, opened: [{ ...matter, code: 'DRIFT' }] }))

  t.match(text, 'DRIFT')
  t.notMatch(text, /explain/)
})

t.test('no name begins a line, a header, or an escape sequence of its own', async (t) => {
  const evil = 'x\r\nBcc: all@example.org\r\n\r\n\u001b[2Jhello \u202egnp.exe'
  const hostile = { ...matter, agent: evil, target: evil, certificate: evil, text: evil }
  const notice = noticeFor({ ...none, opened: [hostile] })

  const { subject, text } = noticeText(notice)

  for (const hidden of ['\r', '\n', '\u001b', '\u202e']) t.notOk(subject.includes(hidden))
  t.notMatch(text, /^Bcc:/m)
  for (const hidden of ['\r', '\u001b', '\u202e']) t.notOk(text.includes(hidden))
})

t.test('a message has a bounded length, and says how many more there are', async (t) => {
  const many = Array.from({ length: 300 }, () => ({ ...matter, text: 'x'.repeat(2000) }))
  const notice = noticeFor({ opened: many, still: many, over: many })

  t.equal(notice.opened.length, mostLines)
  t.equal(notice.more.still, 300 - mostLines)
  t.match(noticeText(notice).subject, 'and 899 more')
  t.match(noticeText(notice).text, `and ${300 - mostLines} more, which are not listed`)
  t.ok(noticeText(notice).text.length < 100_000)
})

t.test('nothing to be told is no message, and a test says that it is one', async (t) => {
  t.equal(noticeOf('notice-1', 'x', none, now), null)
  t.match(noticeText(testNotice('notice-2', 'x', now)).text, 'Nothing is wrong')
})

function noticeFor(told: Told): Notice {
  const notice = noticeOf('notice-1', 'certs.example.net', told, now)
  if (notice === null) throw new Error('there is something to tell')
  return notice
}
