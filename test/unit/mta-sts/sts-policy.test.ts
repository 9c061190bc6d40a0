import t from 'tap'
import { coversName } from '../../../src/dns/covers-name.ts'
import { domainsIn } from '../../../src/mta-sts/mail-domains.ts'
import { readPolicy, type StsPolicy } from '../../../src/mta-sts/sts-policy.ts'

t.test('a policy is read as RFC 8461 writes it', async (t) => {
  const text =
    'version: STSv1\r\nmode: enforce\r\nmx: Mail.Example.org\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n'

  t.same(readPolicy(text), {
    mode: 'enforce',
    maxAge: 604_800,
    mx: ['mail.example.org', '*.example.net', 'backupmx.example.com'],
  })
  t.match(readPolicy('version: STSv1\nmode: none\nmax_age: 86400\n'), { mode: 'none', mx: [] })
  t.match(
    readPolicy('version:STSv1\nmode:testing\nmx:a.b\nmax_age:1\nnew_field: x\n'),
    { mode: 'testing' },
    'unknown fields',
  )
})

t.test('what is no policy is said in a few words', async (t) => {
  const good = { version: 'STSv1', mode: 'enforce', mx: 'a.b', max_age: '1' }
  const of = (fields: object): string =>
    Object.entries({ ...good, ...fields })
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')
  const wrong: readonly (readonly [text: string, says: RegExp])[] = [
    ['', /version/],
    ['<html>', /no field/],
    [of({ version: 'STSv2' }), /version/],
    [of({ mode: 'Enforce' }), /mode/],
    [of({ max_age: '1d' }), /max_age/],
    [of({ max_age: '99999999' }), /max_age/],
    [of({ mx: '' }), /mx/],
    [of({ mx: 'a.*.b' }), /mx/],
    [of({ mx: 'mail' }), /mx/],
    ['version: STSv1\nmode: enforce\nmax_age: 1\n', /names no mx/],
    [`version: STSv1\nmode: enforce\nmax_age: 1\n${'mx: a.b\n'.repeat(101)}`, /more than 100/],
  ]

  for (const [text, says] of wrong) t.match(readPolicy(text), says, text.slice(0, 60))
})

t.test('blanks around a value are none of it, however many there are', async (t) => {
  const blanks = ' '.repeat(60_000)

  t.match(readPolicy(`version: STSv1${blanks}\nmode:enforce\nmax_age:\t1 \nmx: ${blanks}a.b`), {
    mode: 'enforce',
    mx: ['a.b'],
  })
  t.match(readPolicy(`version: STSv1\nx:${blanks}a${blanks}b`), /no mode/)
})

t.test('a star stands for one label, and for one alone', async (t) => {
  const policy: Pick<StsPolicy, 'mx'> = { mx: ['mail.example.org', '*.example.net'] }
  const covers = (name: string): boolean => policy.mx.some((one) => coversName(one, name))

  t.ok(covers('MAIL.example.org.'))
  t.ok(covers('mx1.example.net'))
  t.notOk(covers('a.mx1.example.net'))
  t.notOk(covers('example.net'))
  t.notOk(covers('xmail.example.org'))
})

t.test('the domains of Postfix are those that its settings name, and no table', async (t) => {
  const text =
    'mail.example.org, localhost.example.org, localhost, example.org\nhash:/etc/postfix/vdomains\nExample.NET\n\n'

  t.same(domainsIn(text), ['mail.example.org', 'example.org', 'example.net'])
})
