/** When a roll-out stops itself; null: not by that. */
export interface StopRule {
  /** So many hosts failed, in all waves. */
  readonly hosts: number | null
  /** So many per cent of the hosts of one wave failed. */
  readonly share: number | null
}

/** Hosts of a wave, and those of them that failed. */
export interface WaveCount {
  readonly wave: number
  readonly hosts: number
  readonly failed: number
}

/** Why it stops now, in a sentence; null: it goes on. */
export function whyStop({ hosts, share }: StopRule, waves: readonly WaveCount[]): string | null {
  const failed = waves.reduce((sum, wave) => sum + wave.failed, 0)
  if (hosts !== null && failed >= hosts) return `${failed} of its hosts failed; it stops at ${hosts}`
  if (share === null) return null
  const over = waves.find((wave) => wave.failed > 0 && wave.failed * 100 >= share * wave.hosts)
  if (over === undefined) return null
  return `${over.failed} of the ${over.hosts} hosts of wave ${over.wave} failed; it stops at ${share} per cent`
}
