import type { HostView } from './host-view.ts'

/** An instance of a daemon, by the host's own words: never by a job's. */
export interface Instance {
  /** Its settings, a folder or a file; null: the daemon's default ones. */
  readonly config: string | null
  /** HAProxy's runtime API and master CLI; null: not said. */
  readonly socket: string | null
  readonly masterSocket: string | null
  /** Caddy's admin API, `http://HOST:PORT`; null: not said. */
  readonly admin: string | null
}

/** What means a daemon's default instance, where a job names one. */
export interface UsualInstance {
  /** Its settings, each way to write them. */
  readonly config?: readonly string[]
  readonly admin?: readonly string[]
  /** The sockets that its own settings have. */
  sockets?(host: HostView): Promise<readonly string[]>
}
