import { accountValue, pathValue, writtenValue } from '../planner/target-schema.ts'
import { formats } from './contents.ts'

const wordPattern = '^[A-Za-z0-9][A-Za-z0-9@._-]*$'

/** What is reloaded together. */
export const serviceField = {
  type: 'string',
  pattern: wordPattern,
  maxLength: 100,
  description: 'What is reloaded together, `prosody`: jobs of one service become one reload. Required.',
} as const

/** The files, in the order in which they are renamed in. */
export const fileListField = {
  type: 'array',
  minItems: 1,
  maxItems: 50,
  description:
    'Each `{"path", "format", "mode", "owner", "group"}`, renamed in by this order. Formats: `certificate` (leaf), `chain`, `fullchain` (leaf, chain), `key`, `key-and-chain` (key, leaf, chain), `bundle` (leaf, chain, key), `der` (leaf), `key-der`, `pkcs12`, which has `password_name` and `alias`, too. See `docs/files.md`. Required.',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['path', 'format'],
    properties: {
      path: pathValue,
      format: { enum: Object.keys(formats) },
      mode: writtenValue,
      owner: accountValue,
      group: accountValue,
      password_name: { type: 'string', pattern: wordPattern, maxLength: 100 },
      alias: { type: 'string', pattern: '^[\\x20-\\x7e]+$', maxLength: 100 },
    },
  },
} as const
