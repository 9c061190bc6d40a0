const duration = { type: ['string', 'integer'], maxLength: 64 } as const
const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const
const list = { type: 'array', maxItems: 1000, items: { type: 'string', minLength: 1, maxLength: 4096 } } as const

/** JSON schema of `waxseal.yaml`. Unknown keys are refused. `docs/configuration.md` has a heading per key. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    control_plane: {
      type: 'object',
      additionalProperties: false,
      required: ['url'],
      properties: {
        url: { type: 'string', pattern: '^https://', maxLength: 2048 },
        ca_file: file,
        agent_id: { type: 'string', minLength: 1, maxLength: 256 },
        agent_name: { type: 'string', minLength: 1, maxLength: 256 },
        credential_file: file,
      },
    },
    state_dir: file,
    poll_interval: duration,
    heartbeat_interval: duration,
    status: {
      type: 'object',
      additionalProperties: false,
      properties: { listen: { type: 'string', maxLength: 300 } },
    },
    policy: {
      type: 'object',
      additionalProperties: false,
      properties: {
        roots: { type: 'array', maxItems: 1000, items: file },
        commands: list,
        names: list,
        probes: list,
      },
    },
    timeouts: {
      type: 'object',
      additionalProperties: false,
      properties: { check: duration, activate: duration },
    },
    log_level: { enum: ['debug', 'info', 'warn', 'error'] },
  },
} as const
