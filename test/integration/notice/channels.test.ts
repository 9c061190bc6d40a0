import { createHmac } from 'node:crypto'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { testNotice } from '../../../src/notice/notice.ts'
import { openChannels } from '../../../src/notice/open-channels.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { json, startHttpsServer } from '../../support/https-server.ts'
import { startMailbox } from '../../support/mailbox.ts'
import { until } from '../../support/until.ts'

const notice = testNotice('notice-1', 'certs.example.net', Date.parse('2026-11-01T00:00:00Z'))
const none = { webhooks: [], mail: null, command: null, leaveOut: [], silentAfterMs: 3_600_000 }
const secret = 'a secret of some length'

async function hook(t: Test) {
  const authority = await makeAuthority()
  const server = await startHttpsServer(await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] }))
  t.teardown(() => server.close())
  const dir = t.testdir({ secret: `${secret}\n`, 'ca.pem': authority.certificatePem })
  await chmod(join(dir, 'secret'), 0o600)
  const webhook = { url: `${server.url}/hook?a=b`, secretFile: join(dir, 'secret'), caFile: join(dir, 'ca.pem') }
  const [channel] = openChannels({ ...none, webhooks: [webhook] })
  if (channel === undefined) throw new Error('there is a channel')
  return { server, channel, webhook, dir }
}

t.test('a webhook gets the message, signed with the secret of the file', async (t) => {
  const { server, channel } = await hook(t)

  await channel.send(notice)

  const [request] = server.requests
  t.equal(request?.path, '/hook?a=b')
  t.same(request?.body, notice)
  const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request?.headers['waxseal-signature'])) ?? []
  const body = `${seconds}.${JSON.stringify(notice)}`
  t.equal(signature, createHmac('sha256', secret).update(body).digest('hex'))
  t.equal(request?.headers['waxseal-notice'], 'notice-1')
})

t.test('a webhook that refuses, or leads elsewhere, has not taken it', async (t) => {
  const { server, channel } = await hook(t)

  server.answer(json(500, {}))
  await t.rejects(channel.send(notice), { code: 'NOTICE_FAILED', details: { reason: 'it answered 500' } })
  server.answer(json(307, {}, { location: `${server.url}/elsewhere` }))
  await t.rejects(channel.send(notice), { code: 'NOTICE_FAILED', details: { reason: 'it answered 307' } })

  t.equal(server.requests.length, 2, 'nobody followed')
})

t.test('a webhook that nobody vouches for gets nothing', async (t) => {
  const { server, webhook } = await hook(t)
  const [channel] = openChannels({ ...none, webhooks: [{ ...webhook, caFile: null }] })

  await t.rejects(channel?.send(notice) ?? Promise.resolve(), { code: 'NOTICE_FAILED' })

  t.equal(server.requests.length, 0)
})

t.test('without its secret nothing is sent', async (t) => {
  const { server, channel, dir } = await hook(t)
  await writeFile(join(dir, 'secret'), 'short\n')

  await t.rejects(channel.send(notice), { code: 'NOTICE_FAILED' })

  t.equal(server.requests.length, 0)
})

t.test('a command gets the message as one line at its standard input, and no argument from it', async (t) => {
  const dir = t.testdir({ tell: '#!/bin/sh\ncat > "$1"\necho $# >> "$1"\n' })
  await chmod(join(dir, 'tell'), 0o755)
  const [channel] = openChannels({ ...none, command: [join(dir, 'tell'), join(dir, 'out')] })

  await channel?.send(notice)

  t.equal(await readFile(join(dir, 'out'), 'utf8'), `${JSON.stringify(notice)}\n1\n`)
})

t.test('a command that fails has not taken it, also where it reads nothing', async (t) => {
  const [channel] = openChannels({ ...none, command: ['/bin/false'] })
  const large = { ...notice, from: 'x'.repeat(1_000_000) }

  await t.rejects(channel?.send(large) ?? Promise.resolve(), {
    code: 'NOTICE_FAILED',
    details: { reason: 'it ended with 1' },
  })
})

t.test('mail reaches a mailbox through a real Postfix, with one subject and no header of anybody else', async (t) => {
  const mailbox = await startMailbox(t)
  const mail = { to: ['postmaster@box.test', 'noc@box.test'], from: 'waxseal@box.test', port: mailbox.port }
  const [channel] = openChannels({ ...none, mail })
  const line = {
    matter: '00112233445566aa',
    since: notice.at,
    kind: 'deployment',
    code: 'VERIFY_FAILED',
    agent: 'mail-1\r\nBcc: all@box.test',
    target: 'é\r\n\r\n.\r\nQUIT\r\n',
    certificate: null,
    text: 'line\r\n.\r\nMAIL FROM:<x@box.test>',
  } as const

  await channel?.send({ ...notice, is_test: false, opened: [line] })

  await until(async () => (await readdir(mailbox.folder)).length >= 2)
  const messages = await Promise.all(
    (await readdir(mailbox.folder)).map((name) => readFile(join(mailbox.folder, name), 'utf8')),
  )
  t.equal(messages.length, 2)
  for (const message of messages) {
    const [headers = '', ...body] = message.split('\n\n')
    t.match(headers, /^Message-ID: <notice-1@/m)
    t.match(headers, /^Auto-Submitted: auto-generated$/m)
    t.notMatch(headers, /^Bcc:/m)
    t.equal(headers.match(/^Subject:/gm)?.length, 1)
    t.match(body.join('\n\n'), 'VERIFY_FAILED')
  }
})

t.test('an MTA that is not there, or refuses, has not taken it', async (t) => {
  const [closed] = openChannels({ ...none, mail: { to: ['a@box.test'], from: null, port: 1 } })
  await t.rejects(closed?.send(notice) ?? Promise.resolve(), { code: 'NOTICE_FAILED' })
  const mailbox = await startMailbox(t)
  const sendTo = async (to: readonly string[], isTest: boolean): Promise<void> => {
    const [channel] = openChannels({ ...none, mail: { to, from: null, port: mailbox.port } })
    await channel?.send({ ...notice, is_test: isTest })
  }
  await t.rejects(sendTo(['nobody@box.test'], false), { code: 'NOTICE_FAILED' })
  await t.rejects(sendTo(['nobody@box.test', 'noc@box.test'], true), { code: 'NOTICE_FAILED' })
  await t.resolves(sendTo(['nobody@box.test', 'noc@box.test'], false), 'who has it would get it again')
})
