import { WaxsealError } from '../../error/waxseal-error.ts'
import { parseDuration } from '../../plan/duration.ts'
import { parseMode } from '../../plan/mode.ts'
import type { Command } from '../../plan/plan.ts'

/** TARGET_INVALID about one field. */
export function invalidField(field: string, reason: string): WaxsealError {
  return new WaxsealError('TARGET_INVALID', { field, reason })
}

/** Milliseconds of a duration field. */
export function durationField(field: string, value: string | number): number {
  return parseField(field, () => parseDuration(value))
}

/** Permission bits of a mode field; a key's may not let others in. */
export function modeField(field: string, value: string | number, isSecret: boolean): number {
  const mode = parseField(field, () => parseMode(value))
  if (isSecret && (mode & 0o007) !== 0) throw invalidField(field, 'a private key must not be readable by others')
  return mode
}

const metacharacters = /[;&|<>$`\\"'(){}[\]*?~#!\r\n]/

/** An argv from a command line: split on white space, shell metacharacters refused. */
export function commandField(field: string, line: string): Command {
  if (metacharacters.test(line)) throw invalidField(field, 'it has a shell metacharacter; no shell runs commands here')
  const [program, ...args] = line.trim().split(/\s+/)
  if (program === undefined || program === '')
    throw invalidField(field, 'an empty command does nothing; leave it out for the default')
  return [program, ...args]
}

function parseField<T>(field: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw invalidField(field, (error as Error).message)
  }
}
