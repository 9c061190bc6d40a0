import { isCode } from '../host/file/files.ts'

/**
 * A reader that has seen enough closes the pipe, as head(1) does: the rest of the text goes nowhere, and what the command does, a
 * deployment perhaps, goes on to its end and its own exit status.
 */
export function ignoreClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (!isCode(error, 'EPIPE')) throw error
    })
}
