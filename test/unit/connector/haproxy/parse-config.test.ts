import t from 'tap'
import { parseConfig, unknownVariable } from '../../../../src/connector/haproxy/parse-config.ts'

t.test('words are taken apart as HAProxy does it: quotes within words, escapes, comments anywhere', async (t) => {
  const wordsOf = (line: string): readonly string[] => parseConfig(line)[0]?.words ?? []

  t.same(wordsOf('  bind :443 ssl crt /a.pem # crt /b.pem'), ['bind', ':443', 'ssl', 'crt', '/a.pem'])
  t.same(wordsOf('bind "/a"/\'b c\'"d".pem'), ['bind', '/ab cd.pem'.replace('/a', '/a/')])
  t.same(wordsOf(String.raw`a b\ c \# d\"e f\.g`), ['a', 'b c', '#', 'd"e', String.raw`f\.g`])
  t.same(wordsOf(String.raw`a "b \" # c" 'd " \ e'`), ['a', 'b " # c', String.raw`d " \ e`])
  t.same(wordsOf('a ""'), ['a', ''])
  t.same(wordsOf('a#b'), ['a'])
})

t.test('a variable is what is not known', async (t) => {
  const lines = parseConfig('crt "${DIR}/a.pem" $DIR/b.pem \'${DIR}\' "\\$x"')

  t.same(lines[0]?.words.slice(1, 4), [`${unknownVariable}/a.pem`, `${unknownVariable}/b.pem`, '${DIR}'])
})

t.test('each line knows its section, and whether it stands under a condition', async (t) => {
  const text =
    'global\n a\nfrontend web\n bind :1\n.if defined(X)\n bind :2\n.else\n bind :3\n.endif\nfrontend web\r\n bind :4'

  t.same(
    parseConfig(text).flatMap(({ section, index, words, isConditional }) =>
      words[0] === 'bind' ? [[section, index, words[1], isConditional]] : [],
    ),
    [
      ['frontend', 2, ':1', false],
      ['frontend', 2, ':2', true],
      ['frontend', 2, ':3', true],
      ['frontend', 3, ':4', false],
    ],
  )
})

t.test('a long text of anything is parsed at once', async (t) => {
  for (const part of ['"', "'", '\\', '#', ' ', '${', '$a', '"\\', 'a "'])
    t.doesNotThrow(() => parseConfig(part.repeat(200_000 / part.length)), part)
})
