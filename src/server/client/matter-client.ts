import type { Call } from './people-client.ts'

/** A matter as the control plane tells it. */
export interface ListedMatter {
  readonly id: string
  readonly kind: string
  readonly code: string
  readonly agent: string | null
  readonly target: string | null
  readonly certificate: string | null
  readonly text: string
  readonly since: string
  readonly over_at: string | null
  readonly told_at: string | null
  readonly is_muted: boolean
}

/** Of what nothing is told for a while. */
export interface ListedMute {
  readonly id: string
  readonly matter: string | null
  readonly kind: string | null
  readonly agent: string | null
  readonly target: string | null
  readonly until: string
  readonly by: string
}

/** What is to be muted. */
export interface MuteWish {
  readonly matter?: string | undefined
  readonly kind?: string | undefined
  readonly agent?: string | undefined
  readonly target?: string | undefined
  readonly for_s: number
}

/** The operator's calls about what is the matter, and who is told. */
export interface MatterCalls {
  matters(isOver: boolean): Promise<{
    readonly matters: readonly ListedMatter[]
    /** Those that are set; none: nobody is told. */
    readonly channels: readonly string[]
  }>
  mutes(): Promise<readonly ListedMute[]>
  mute(wish: MuteWish): Promise<ListedMute>
  unmute(id: string): Promise<void>
  /** Sends a test through each channel. */
  testNotices(): Promise<readonly { readonly channel: string; readonly error: string | null }[]>
}

/** These calls over the client's own. */
export function matterCalls(call: Call): MatterCalls {
  return {
    matters: (isOver) => call('GET', `/matters${isOver ? '?over=true' : ''}`),
    mutes: async () => (await call<{ readonly mutes: readonly ListedMute[] }>('GET', '/mutes')).mutes,
    mute: (wish) => call('POST', '/mutes', wish),
    unmute: async (id) => {
      await call('POST', `/mutes/${encodeURIComponent(id)}/end`)
    },
    testNotices: async () => {
      type Answer = { readonly channels: readonly { readonly channel: string; readonly error: string | null }[] }
      return (await call<Answer>('POST', '/notices/test')).channels
    },
  }
}
