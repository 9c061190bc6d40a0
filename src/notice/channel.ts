import type { Notice } from './notice.ts'

/** One way to tell people. */
export interface Channel {
  /** The same after a restart: what waits for it is found by this. */
  readonly name: string
  /** Sends it. Fails with NOTICE_FAILED; whether it arrived all the same is not known then. */
  send(notice: Notice): Promise<void>
}
