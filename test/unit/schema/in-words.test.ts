import t from 'tap'
import { inWords, oneLine } from '../../../src/schema/in-words.ts'
import { schemaCheck } from '../../../src/schema/schema-check.ts'

const cases = [
  [{ type: 'array' }, '/etc', 'has to be a list'],
  [{ type: ['string', 'integer'] }, [], 'has to be a text or a whole number'],
  [{ enum: ['refuse', 'warn'] }, 'no', 'has to be one of refuse, warn'],
  [{ type: 'string', pattern: '^/' }, 'etc', 'has to be an absolute path'],
  [{ type: 'string', pattern: '^https://' }, 'http://x', 'has to begin with https://'],
  [{ type: 'string', pattern: oneLine }, 'a\nb', 'has to be one line, without control characters'],
  [{ type: 'string', pattern: '^[a-z]+$' }, 'X', 'has to match the pattern ^[a-z]+$'],
  [{ type: 'object', required: ['connector'] }, {}, 'lacks connector'],
  [{ type: 'integer', minimum: 1 }, 0, 'has to be 1 or more'],
  [{ type: 'integer', maximum: 64 }, 65, 'has to be 64 or less'],
  [{ type: 'string', minLength: 1 }, '', 'is empty'],
  [{ type: 'string', maxLength: 2 }, 'abc', 'has more than 2 characters'],
  [{ type: 'array', minItems: 2 }, [], 'has fewer than 2 entries'],
  [{ type: 'array', maxItems: 1 }, [1, 2], 'has more than 1 entry'],
  [{ type: 'array', uniqueItems: true }, [1, 1], 'must NOT have duplicate items (items ## 0 and 1 are identical)'],
] as const

t.test('what a value has to be is told in words that need no JSON Schema', async (t) => {
  for (const [schema, value, words] of cases) {
    const check = schemaCheck(schema)
    check(value)
    const [error] = check.errors ?? []

    t.equal(error && inWords(error), words, JSON.stringify(schema))
  }
})
