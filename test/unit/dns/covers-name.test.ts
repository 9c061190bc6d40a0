import t from 'tap'
import { coversName } from '../../../src/dns/covers-name.ts'

t.test('a name is covered in any case of letters, with a dot at its end, and in Unicode', async (t) => {
  t.ok(coversName('Mail.Example.org', 'mail.example.org.'))
  t.ok(coversName('xn--mller-kva.example', 'müller.example'))
  t.notOk(coversName('mail.example.org', 'xmail.example.org'))
})

t.test('a wildcard covers one label, and a wildcard is covered by itself alone', async (t) => {
  t.ok(coversName('*.example.org', 'mail.example.org'))
  t.notOk(coversName('*.example.org', 'a.mail.example.org'))
  t.notOk(coversName('*.example.org', 'example.org'))
  t.ok(coversName('*.example.org', '*.example.org'))
  t.notOk(coversName('*.mail.example.org', '*.example.org'))
})
