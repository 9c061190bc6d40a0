/**
 * Permission bits of a decimal integer (420 = 0644) or an octal string (`"0644"`). Throws RangeError, also for set-id and
 * sticky bits: no certificate file has them, and a decimal 600 or 644, meant as octal, would set one.
 */
export function parseMode(value: string | number): number {
  const mode =
    typeof value === 'number' ? value : /^0?o?[0-7]{3,4}$/.test(value) ? Number.parseInt(value.replace('o', ''), 8) : -1
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return mode
  throw new RangeError('a file mode is an octal string such as "0644", or a decimal integer such as 420')
}
