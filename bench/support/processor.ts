import { cpus } from 'node:os'

/** What a figure was measured with. */
export interface Processor {
  readonly node: string
  readonly cpu: string
  readonly cpus: number
}

export function thisProcessor(): Processor {
  const processors = cpus()
  return { node: process.versions.node, cpu: processors[0]?.model ?? 'unknown', cpus: processors.length }
}
