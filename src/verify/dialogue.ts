import type { ProbeProtocol } from '../plan/plan.ts'

/** Where a look can fail. */
export type ProbePhase = 'connect' | 'greeting' | 'capabilities' | 'starttls' | 'handshake'

/** The clear-text half of a connection. */
export interface LineStream {
  readLine(): Promise<string>
  write(text: string): void
}

/** Speaks up to the moment where the TLS handshake begins. Tells the phase before each; throws with what the server said. */
export type Dialogue = (stream: LineStream, enter: (phase: ProbePhase) => void) => Promise<void>

/** How each protocol gets to TLS; null: TLS from the first byte. */
export const dialogues: Readonly<Record<ProbeProtocol, Dialogue | null>> = {
  tls: null,
  smtp: (stream, enter) => mail(stream, enter, 'EHLO'),
  lmtp: (stream, enter) => mail(stream, enter, 'LHLO'),
  imap,
  pop3,
  sieve,
}

const lineCount = 100

/** RFC 3207; LMTP by RFC 2033. */
async function mail(stream: LineStream, enter: (phase: ProbePhase) => void, hello: string): Promise<void> {
  enter('greeting')
  await reply(stream, '220')
  enter('capabilities')
  stream.write(`${hello} waxseal.invalid\r\n`)
  const capabilities = await reply(stream, '250')
  if (!capabilities.some((line) => /^250[ -]STARTTLS\s*$/i.test(line)))
    throw new Error('the server does not offer STARTTLS')
  enter('starttls')
  stream.write('STARTTLS\r\n')
  await reply(stream, '220')
}

/** A reply of one or more lines, `250-…` up to `250 …` (RFC 5321 §4.2.1). */
async function reply(stream: LineStream, expected: string): Promise<readonly string[]> {
  const lines: string[] = []
  for (;;) {
    const line = await stream.readLine()
    if (!line.startsWith(expected)) throw said(line)
    lines.push(line)
    if (line[3] !== '-') return lines
    if (lines.length >= lineCount) throw new Error('the server sent an endless reply')
  }
}

/** RFC 3501 §6.2.1. */
async function imap(stream: LineStream, enter: (phase: ProbePhase) => void): Promise<void> {
  enter('greeting')
  const greeting = await stream.readLine()
  if (!/^\* OK\b/i.test(greeting)) throw said(greeting)
  enter('starttls')
  stream.write('a1 STARTTLS\r\n')
  const answer = await firstOther(stream, (line) => line.startsWith('* '))
  if (!/^a1 OK\b/i.test(answer)) throw said(answer)
}

/** RFC 2595 §4. */
async function pop3(stream: LineStream, enter: (phase: ProbePhase) => void): Promise<void> {
  enter('greeting')
  const greeting = await stream.readLine()
  if (!greeting.startsWith('+OK')) throw said(greeting)
  enter('starttls')
  stream.write('STLS\r\n')
  const answer = await stream.readLine()
  if (!answer.startsWith('+OK')) throw said(answer)
}

/** RFC 5804 §2.2. */
async function sieve(stream: LineStream, enter: (phase: ProbePhase) => void): Promise<void> {
  enter('greeting')
  const greeting = await firstOther(stream, (line) => line.startsWith('"'))
  if (!/^OK\b/i.test(greeting)) throw said(greeting)
  enter('starttls')
  stream.write('STARTTLS\r\n')
  const answer = await stream.readLine()
  if (!/^OK\b/i.test(answer)) throw said(answer)
}

async function firstOther(stream: LineStream, isNoise: (line: string) => boolean): Promise<string> {
  for (let count = 0; count < lineCount; count += 1) {
    const line = await stream.readLine()
    if (!isNoise(line)) return line
  }
  throw new Error('the server sent an endless reply')
}

function said(line: string): Error {
  return new Error(`the server said: ${line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)}`)
}
