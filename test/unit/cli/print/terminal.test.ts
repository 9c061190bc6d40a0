import t from 'tap'
import { coloured, onTerminal, printableLines, styled } from '../../../../src/cli/print/terminal.ts'
import { hostileText, rawCharacter } from '../../../support/hostile-text.ts'

t.test('a line is one line, whatever is in it', async (t) => {
  for (const line of [hostileText, styled`a ${hostileText} b ${coloured('bad', hostileText)}`]) {
    t.notMatch(onTerminal(line), rawCharacter)
    t.notMatch(onTerminal(line), /\n/)
  }
})

t.test('a text of several lines keeps them, and nothing else', async (t) => {
  t.equal(printableLines('a\u{1b}[1m\nb\r'), 'a\u{fffd}[1m\nb ')
})
