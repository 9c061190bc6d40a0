import t from 'tap'
import { parseMode } from '../../../src/plan/mode.ts'

t.test('strings are octal, integers decimal', async (t) => {
  t.equal(parseMode('0644'), 0o644)
  t.equal(parseMode('644'), 0o644)
  t.equal(parseMode('0o640'), 0o640)
  t.equal(parseMode(420), 0o644)
  t.equal(parseMode(384), 0o600)
  t.equal(parseMode('0777'), 0o777)
})

t.test('anything else is refused', async (t) => {
  for (const mode of ['', '64', '0648', ' 0644', '0x1a4', '-644', 'rw-r--r--', -1, 1.5, Number.NaN, 4096]) {
    t.throws(() => parseMode(mode), RangeError, String(mode))
  }
})

t.test(
  'set-id and sticky bits are refused, and with them a decimal 600, 640 or 644 that was meant as octal',
  async (t) => {
    for (const mode of ['4755', '2640', '1644', 0o4755, 600, 640, 644]) t.throws(() => parseMode(mode), RangeError)
  },
)
