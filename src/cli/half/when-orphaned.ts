/** Calls back when the process that started this half is gone; nobody did: never. */
export function whenOrphaned(then: () => void): void {
  if (process.channel === undefined) return
  process.once('disconnect', then)
  // A half that has nothing else to do ends.
  process.channel.unref()
}
