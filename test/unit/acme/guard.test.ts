import t from 'tap'
import { openGuard } from '../../../src/acme/guard.ts'

t.test('a CA on the Internet sends us to no inner network, by name or by address', async (t) => {
  const guard = openGuard('https://acme.example/directory')

  for (const url of ['https://127.0.0.1/', 'https://[::1]:9780/', 'https://10.0.0.1/', 'https://[::ffff:127.0.0.1]/']) {
    t.throws(() => guard.allow(url), { code: 'ACME_UNREACHABLE' }, url)
  }
  for (const address of [
    '192.168.1.1',
    '169.254.169.254',
    'fe80::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '0.0.0.0',
    '::',
    '64:ff9b::10.0.0.1',
    '64:ff9b::7f00:1',
  ]) {
    t.same(guard.usable('ca.example', [address]), [], address)
  }
  t.same(guard.usable('ca.example', ['10.0.0.1', '203.0.113.7']), ['203.0.113.7'])
  t.same(guard.usable('ca.example', ['64:ff9b::203.0.113.7']), ['64:ff9b::203.0.113.7'], 'from a network without IPv4')
  t.equal(guard.allow('https://203.0.113.7/order/1').pathname, '/order/1')
})

t.test('a CA in an inner network may send us to another server there, once it was seen there', async (t) => {
  const guard = openGuard('https://acme.corp.example/directory')
  t.same(guard.usable('other.corp.example', ['10.1.2.4']), [])

  t.same(guard.usable('acme.corp.example', ['10.1.2.3', 'fd00::1']), ['10.1.2.3', 'fd00::1'])

  t.same(guard.usable('other.corp.example', ['10.1.2.4']), ['10.1.2.4'])
  t.ok(guard.isInner())
})

t.test('one inner address among those of a CA on the Internet opens no inner network, then or later', async (t) => {
  const guard = openGuard('https://acme.example/directory')

  t.same(guard.usable('acme.example', ['203.0.113.7', '10.0.0.1']), ['203.0.113.7'])
  t.same(guard.usable('acme.example', ['10.0.0.1']), [], 'the first look-up has decided')

  t.notOk(guard.isInner())
  t.same(guard.usable('other.example', ['169.254.169.254']), [])
  t.throws(() => guard.allow('https://10.0.0.1/order/1'), { code: 'ACME_UNREACHABLE' })
})

t.test('a CA of an inner network stays one when it is given an address of the Internet', async (t) => {
  const guard = openGuard('https://acme.corp.example/directory')

  t.same(guard.usable('acme.corp.example', ['10.1.2.3']), ['10.1.2.3'])

  t.same(guard.usable('acme.corp.example', ['10.1.2.3', '203.0.113.7']), ['10.1.2.3', '203.0.113.7'])
})

t.test('what is no plain https URL is not followed', async (t) => {
  const guard = openGuard('https://acme.example/directory')

  for (const url of [
    'http://acme.example/',
    'file:///etc/passwd',
    'https://user@acme.example/',
    '//x',
    `https://a.example/${'x'.repeat(2048)}`,
  ]) {
    t.throws(() => guard.allow(url), { code: 'ACME_UNREACHABLE' }, url)
  }
  t.throws(() => openGuard('http://acme.example/'), { code: 'CONFIG_INVALID' })
})
