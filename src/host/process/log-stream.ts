import { fstatSync, writeSync } from 'node:fs'

/** Where standard output goes: to the journal (`JOURNAL_STREAM` of systemd.exec(5) names its device and inode), a terminal, or elsewhere. */
export function standardOutput(journalStream: string | undefined): 'journal' | 'terminal' | 'other' {
  if (process.stdout.isTTY) return 'terminal'
  if (journalStream === undefined) return 'other'
  const { dev, ino } = fstatSync(1)
  return journalStream === `${dev}:${ino}` ? 'journal' : 'other'
}

/** Writes to standard output before it returns: a log line is there when the process ends. A reader that is gone ends no agent. */
export function writeToStandardOutput(text: string): void {
  const bytes = Buffer.from(text)
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
  }
}
