interface Metric {
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

/** Every metric that `/metrics` gives; docs/status.md has the same rows. */
export const metricTable = {
  waxseal_build_info: { type: 'gauge', labels: ['version'], help: 'Always 1; the label is the version of the agent.' },
  waxseal_ready: { type: 'gauge', labels: [], help: 'Whether /readyz says yes.' },
  waxseal_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['target', 'name'],
    help: 'When the deployed certificate of the target expires.',
  },
  waxseal_certificate_lifetime_used_ratio: {
    type: 'gauge',
    labels: ['target', 'name'],
    help: 'The share of the life of the deployed certificate that is gone: due for renewal from 2/3 on, late from 0.9 on, expired from 1 on.',
  },
  waxseal_endpoint_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['target', 'name', 'endpoint', 'protocol', 'servername'],
    help: 'When the certificate that the endpoint serves expires; missing where that is not the deployed one.',
  },
  waxseal_endpoint_serves_deployed: {
    type: 'gauge',
    labels: ['target', 'name', 'endpoint', 'protocol', 'servername'],
    help: 'Whether the endpoint served the deployed certificate when it was last looked at; missing where it cannot be judged.',
  },
  waxseal_target_proven: {
    type: 'gauge',
    labels: ['target', 'name'],
    help: 'Whether a listener showed the deployed certificate, at the deployment or when it was last looked at.',
  },
  waxseal_tlsa_matches: {
    type: 'gauge',
    labels: ['target', 'name', 'owner'],
    help: 'Whether a TLSA record of the owner name matched the live pair when it was last looked at; missing where there is none, or nobody knows.',
  },
  waxseal_target_healthy: {
    type: 'gauge',
    labels: ['target', 'name'],
    help: 'Whether the last deployment succeeded and the target is as it was deployed.',
  },
  waxseal_deployments_total: {
    type: 'counter',
    labels: ['connector', 'outcome'],
    help: 'Deployments that ended since the agent started.',
  },
  waxseal_deployment_step_duration_seconds: {
    type: 'histogram',
    labels: ['step'],
    help: 'How long the steps of deployments took.',
  },
  waxseal_inbox_jobs: { type: 'gauge', labels: [], help: 'Jobs that wait.' },
  waxseal_outbox_reports: { type: 'gauge', labels: [], help: 'Results that wait to be sent.' },
  waxseal_dead_letters: { type: 'gauge', labels: [], help: 'Results that the control plane refused.' },
  waxseal_set_aside_files: { type: 'gauge', labels: [], help: 'State files that are not to be trusted.' },
  waxseal_control_plane_last_contact_timestamp_seconds: {
    type: 'gauge',
    labels: ['call'],
    help: 'When the control plane last answered a poll or a heartbeat.',
  },
} as const satisfies Readonly<Record<string, Metric>>
