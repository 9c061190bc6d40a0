import t from 'tap'
import { type Directive, parseDump } from '../../../../src/connector/nginx/parse-dump.ts'

t.test('words end at space and marks, and quotes, comments, variables and escapes are as nginx has them', async (t) => {
  const { directives } = parseDump(
    dumped(String.raw`# a { comment; with 'quotes
a "two words" 'it''s' x#y ${'$'}{z}w "say \"yes\"" c:\d;b{c d;}
e "{;#}" '\'';`),
  )

  t.same(directives.map(shown), ['a|two words|it|s|x#y|${z}w|say "yes"|c:\\d', 'b{c|d}', "e|{;#}|'"])
})

t.test('an include stands for the files that it names, by a pattern as well, in their order', async (t) => {
  const text =
    '# configuration file /etc/nginx/nginx.conf:\ninclude conf.d/*.conf; x { include /etc/nginx/snip/[!z]?; }\n\n' +
    '# configuration file /etc/nginx/conf.d/a.conf:\na;\n\n# configuration file /etc/nginx/conf.d/b.conf:\nb;\n\n' +
    '# configuration file /etc/nginx/snip/ab:\nyes;\n'

  const { main, directives } = parseDump(text)

  t.equal(main, '/etc/nginx/nginx.conf')
  t.same(directives.map(shown), ['a', 'b', 'x{yes}'])
  for (const other of ['conf.d/.c.conf', 'snip/za', 'snip/abc', 'conf.d/x/a.conf'])
    t.throws(() => parseDump(`${text}# configuration file /etc/nginx/${other}:\nno;\n`), SyntaxError, other)
})

t.test('a comment that looks like the beginning of a file does not cut its own off', async (t) => {
  const text =
    '# configuration file /etc/nginx/nginx.conf:\ninclude sites/blog; include sites/shop;\n\n' +
    '# configuration file /etc/nginx/sites/blog:\na;\n# configuration file /etc/nginx/sites/NAME:\nb;\n\n' +
    '# configuration file /etc/nginx/sites/shop:\nc;\n\n'

  t.throws(() => parseDump(text.replace('NAME', 'shop')), /sites\/shop begins twice/)
  t.throws(() => parseDump(text.replace('NAME', 'blog')), /sites\/blog begins twice/)
  t.throws(() => parseDump(text.replace('NAME', 'old')), /sites\/old, and no include names it/)
  t.same(parseDump(text.replace('# configuration file /etc/nginx/sites/NAME:\n', '')).directives.map(shown), [
    'a',
    'b',
    'c',
  ])
})

t.test('the braces of Lua are counted, its quotes are not', async (t) => {
  const { directives } = parseDump(dumped("content_by_lua_block { -- don't\n local t = { 1 } } a;"))

  t.same(directives.map(shown), ['content_by_lua_block{}', 'a'])
})

t.test('what is not understood is refused whole', async (t) => {
  for (const text of ['a', 'a {', '}', 'a; }', 'a "', 'a { b }', `${'a{'.repeat(50)}${'}'.repeat(50)}`])
    t.throws(() => parseDump(dumped(text)), SyntaxError, text.slice(0, 20))
  t.throws(() => parseDump(''), SyntaxError)
  t.throws(() => parseDump(dumped('include nginx.conf;')), SyntaxError)
  t.throws(() => parseDump(dumped('include n*;'.repeat(10))), SyntaxError)
})

t.test('a long text of anything is parsed, or refused, at once', async (t) => {
  for (const part of [' ', '#', '# # #', '"', '\\', 'a{', 'a;', "'\\", '${'])
    t.doesNotThrow(() => attempt(dumped(part.repeat(200_000 / part.length))), part)
})

function attempt(text: string): void {
  try {
    parseDump(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
}

function dumped(text: string): string {
  return `# configuration file /etc/nginx/nginx.conf:\n${text}\n\n`
}

function shown({ name, args, block }: Directive): string {
  return [name, ...args].join('|') + (block === null ? '' : `{${block.map(shown).join(';')}}`)
}
