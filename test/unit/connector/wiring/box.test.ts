import t from 'tap'
import { type Box, inBox, insideOf, outsideOf, shownOutside } from '../../../../src/connector/wiring/box.ts'

const box: Box = {
  run: ['/usr/bin/docker', 'exec', 'mail'],
  paths: [
    { inside: '/etc/ssl', outside: '/srv/ssl' },
    { inside: '/etc/ssl/mail', outside: '/srv/mail' },
  ],
}

t.test('a path goes out and in by the longest folder that is shared', (t) => {
  for (const [inside, outside] of [
    ['/etc/ssl/a.pem', '/srv/ssl/a.pem'],
    ['/etc/ssl/mail/a.pem', '/srv/mail/a.pem'],
    ['/etc/ssl/mail', '/srv/mail'],
    ['/etc/ssl/mailbox/a.pem', '/srv/ssl/mailbox/a.pem'],
  ] as const) {
    t.equal(outsideOf(inside, box), outside)
    t.equal(insideOf(outside, box), inside)
  }
  t.end()
})

t.test('what is not shared has no path here', (t) => {
  t.equal(outsideOf('/etc/shadow', box), null)
  t.equal(outsideOf('/etc/sslx', box), null)
  t.equal(insideOf('/etc/shadow', box), '/etc/shadow')
  t.equal(shownOutside('/etc/postfix/sni', box), '/usr/bin/docker exec mail: /etc/postfix/sni')
  t.equal(shownOutside('a sentence.', box), 'a sentence.')
  t.end()
})

t.test('a program is run inside, a conversation on a socket is held from here', (t) => {
  t.same(inBox(['postfix', 'reload'], box), ['/usr/bin/docker', 'exec', 'mail', 'postfix', 'reload'])
  t.same(inBox(['waxseal:haproxy-reload', '/run/x'], box), ['waxseal:haproxy-reload', '/run/x'])
  t.end()
})
