import type { Outcome } from '../../outcome/outcome.ts'
import { whatToDo } from './print.ts'

/** An outcome for a person. */
export function outcomeLines(outcome: Outcome): readonly string[] {
  const { certificate, code } = outcome
  return [
    `${outcome.outcome}: the host is ${outcome.host}. ${code === null ? '' : `${code}: `}${outcome.message}`,
    ...(certificate === null ? [] : [`  certificate ${certificate.names.join(', ')}, until ${certificate.notAfter}`]),
    ...outcome.warnings.map((warning) => `  warning: ${warning}`),
    ...outcome.files.map((file) => `  file ${file.path} (${file.role})`),
    ...outcome.probes.map(probeLine),
    ...(outcome.printed ?? []).map((line) => `  printed: ${line}`),
    ...(code === null ? [] : [`  ${whatToDo(code)}`]),
  ]
}

function probeLine(probe: Outcome['probes'][number]): string {
  const { ok, decides, protocol, address, seen, error, attempts, ms } = probe
  const served = ok ? `serves ${seen?.slice(0, 16)}…` : (error ?? `serves another leaf, ${seen}`)
  const word = ok ? 'ok    ' : decides === false ? 'as before' : 'FAILED'
  return `  ${word} ${protocol} ${address} ${served} (${attempts} ${attempts === 1 ? 'try' : 'tries'}, ${ms} ms)`
}

/** One line per step, as it ends. */
export function stepLine({ name, ms }: Outcome['steps'][number]): string {
  return `  ${name.padEnd(10)} ${String(ms).padStart(6)} ms`
}
