import t from 'tap'
import { jsonText } from '../../../src/text/json-text.ts'
import { hostileText, rawCharacter } from '../../support/hostile-text.ts'

t.test('JSON on a terminal is obeyed and hidden nowhere, and reads as the same document', async (t) => {
  const document = { [hostileText]: [hostileText, '📮'] }

  const text = jsonText(document)

  t.notMatch(text, rawCharacter)
  t.same(JSON.parse(text), document)
})
