import t from 'tap'
import { parseAdminUrl, writeAdminUrl } from '../../../src/plan/admin-url.ts'

t.test('an address is read, and has one way to be written', (t) => {
  for (const [text, url, written] of [
    ['http://localhost:2019', { host: 'localhost', port: 2019 }, 'http://localhost:2019'],
    ['HTTP://LocalHost:2019/', { host: 'localhost', port: 2019 }, 'http://localhost:2019'],
    ['http://[::1]:2019', { host: '::1', port: 2019 }, 'http://[::1]:2019'],
    ['http://10.0.0.1', { host: '10.0.0.1', port: 80 }, 'http://10.0.0.1:80'],
  ] as const) {
    const parsed = parseAdminUrl(text)
    t.same(parsed, url, text)
    t.equal(parsed === null ? null : writeAdminUrl(parsed), written)
  }
  t.end()
})

t.test('what parsers read in several ways is none', (t) => {
  for (const text of [
    'http://a:1\\@b:2',
    'http://a@b:2',
    'http://a:1?x',
    'http://a:1#x',
    'http://a:1/x',
    'http://a:1//',
    'https://a:1',
    'http://a:70000',
    'http://a:0',
    'http://:1',
    'http://a b:1',
    'http://a\n:1',
    '',
  ])
    t.equal(parseAdminUrl(text), null, JSON.stringify(text))
  t.end()
})
