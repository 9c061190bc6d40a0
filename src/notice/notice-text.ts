import { catalogue } from '../error/catalogue.ts'
import { plainText } from '../text/plain-text.ts'
import type { Notice, NoticeLine } from './notice.ts'

const longestSubject = 150
const longestLine = 600

/** A message for a person: one line above it, and the text. No name in it begins a line or a header of its own. */
export function noticeText(notice: Notice): { readonly subject: string; readonly text: string } {
  const { is_test: isTest, at, from, opened, still, over, more } = notice
  if (isTest)
    return {
      subject: plain(`waxseal on ${from}: a test`, longestSubject),
      text: `${plain(`This is a test that somebody asked for on ${from}, at ${at}. Nothing is wrong.`)}\n`,
    }
  return {
    subject: plain(`waxseal on ${from}: ${headline(notice)}`, longestSubject),
    text: [
      ...section('What is wrong:', opened, more.opened),
      ...section('What is still wrong (it was told before):', still, more.still),
      ...section('What is over:', over, more.over),
      plain(`Told by waxseal on ${from} at ${at}, message ${notice.id}.`),
      'To hear nothing of a matter for three days: waxseal control-plane mute MATTER --for 3d',
      'on a mail host itself: waxseal mute MATTER --for 3d.',
      '',
    ].join('\n'),
  }
}

function headline({ opened, still, over, more }: Notice): string {
  const [first] = [...opened, ...still, ...over]
  const count = opened.length + still.length + over.length + more.opened + more.still + more.over
  const what = opened.length > 0 ? '' : still.length > 0 ? 'still ' : 'over: '
  const about = first === undefined ? '' : `${first.code} ${first.target ?? first.certificate ?? first.agent ?? ''}`
  return `${what}${about.trim()}${count > 1 ? ` and ${count - 1} more` : ''}`
}

function section(title: string, lines: readonly NoticeLine[], more: number): readonly string[] {
  if (lines.length === 0) return []
  return [
    title,
    '',
    ...lines.flatMap(entry),
    ...(more === 0 ? [] : [`  and ${more} more, which are not listed`, '']),
    '',
  ]
}

function entry({ matter, kind, code, agent, target, certificate, text, since }: NoticeLine): readonly string[] {
  const names = { host: agent, target, certificate }
  const where = Object.entries(names).flatMap(([name, value]) => (value === null ? [] : [`${name} ${value}`]))
  return [
    `* ${plain(text)}`,
    `  ${plain([...where, `since ${since}`].join(', '))}`,
    `  ${plain(`${kind}, ${code}, matter ${matter}`)}`,
    // A word of ours is no error: its text says what to do.
    ...(Object.hasOwn(catalogue, code) ? [`  waxseal explain ${code} says what to do.`] : []),
    '',
  ]
}

function plain(text: string, most: number = longestLine): string {
  return plainText(text, most)
}
