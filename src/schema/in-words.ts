import type { ErrorObject } from 'ajv'

/** Pattern of one line: no control character, no half of a surrogate pair. */
export const oneLine = '^[^\\p{Cc}\\p{Cs}]*$'

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping of names to values',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'empty',
}

/** What a value has to be that a schema refuses, for a person: the rest of a sentence that begins with its name, or with "it". */
export function inWords({ keyword, params, message }: ErrorObject): string {
  const limit = String(params['limit'])
  switch (keyword) {
    case 'type':
      return `has to be ${[params['type'] as string | readonly string[]]
        .flat()
        .map((kind) => kinds[kind] ?? kind)
        .join(' or ')}`
    case 'enum':
      return `has to be one of ${(params['allowedValues'] as readonly unknown[]).join(', ')}`
    case 'pattern':
      return patternInWords(String(params['pattern']))
    case 'required':
      return `lacks ${String(params['missingProperty'])}`
    case 'minimum':
      return `has to be ${limit} or more`
    case 'maximum':
      return `has to be ${limit} or less`
    case 'minLength':
      return limit === '1' ? 'is empty' : `has fewer than ${limit} characters`
    case 'maxLength':
      return `has more than ${limit} characters`
    case 'minItems':
    case 'minProperties':
      return limit === '1' ? 'is empty' : `has fewer than ${limit} entries`
    case 'maxItems':
    case 'maxProperties':
      return `has more than ${limit} ${limit === '1' ? 'entry' : 'entries'}`
    default:
      return message ?? 'is not valid'
  }
}

function patternInWords(pattern: string): string {
  if (pattern === '^/') return 'has to be an absolute path'
  if (pattern === '^https://') return 'has to begin with https://'
  if (pattern === oneLine) return 'has to be one line, without control characters'
  return `has to match the pattern ${pattern}`
}
