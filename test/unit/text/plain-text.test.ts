import t from 'tap'
import { plainText } from '../../../src/text/plain-text.ts'
import { heapedMarks, hostileText, rawCharacter } from '../../support/hostile-text.ts'

t.test('text of every hostile kind becomes one line of characters that can be seen', async (t) => {
  const plain = plainText(hostileText)

  t.notMatch(plain, rawCharacter)
  t.notMatch(plain, heapedMarks)
  t.notMatch(plain, /\n/)
  t.match(plain, /red.*title.*one ok       all is well tab.*desrever.*half/)
})

t.test('names as people have them stay as they are', async (t) => {
  for (const name of ['mail-postfix', 'Bücher-Versand Nürnberg', 'почта', '邮件', 'مرحبا', 'é', '📮 post'])
    t.equal(plainText(name), name)
})

t.test('a long text is cut, and says how much is missing; a pair of surrogates that is cut is no half', async (t) => {
  t.equal(plainText('x'.repeat(5000), 10), 'xxxxxxxxxx… (4990 more characters)')
  t.notMatch(plainText('📮'.repeat(10), 5), rawCharacter)
})
