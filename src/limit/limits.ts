/** The most of one thing that this host takes from outside. */
export interface Limit {
  readonly most: number
  /** `ms`, `bytes`, or what is counted. */
  readonly unit: string
  /** What is limited, and where it comes from. */
  readonly what: string
  /** What happens beyond it. */
  readonly beyond: string
}

const minute = 60_000
const refusedTarget = 'TARGET_INVALID'
const said = ', and the report says so'
const later = 'LIMIT_EXCEEDED: the job waits, and is tried again'

/** Every limit on what comes from outside. `docs/limits.md` shows them all; a test holds the two equal. */
export const limits = {
  probeTimeout: {
    most: minute,
    unit: 'ms',
    what: 'one look at a port: `post_deploy_verify.timeout`',
    beyond: refusedTarget,
  },
  verifyAttempts: { most: 100, unit: 'tries', what: '`post_deploy_verify_attempts`', beyond: refusedTarget },
  verifyBackoff: {
    most: 5 * minute,
    unit: 'ms',
    what: '`post_deploy_verify_backoff`, `post_deploy_verify_max_backoff`',
    beyond: refusedTarget,
  },
  endpoints: { most: 200, unit: 'endpoints', what: '`endpoints` of a target', beyond: refusedTarget },
  backupRetention: { most: 100, unit: 'pairs', what: '`backup_retention`', beyond: refusedTarget },
  filesPerPlan: { most: 100, unit: 'files', what: 'the plan of an outside connector', beyond: refusedTarget },
  commandsPerPlan: {
    most: 20,
    unit: 'commands',
    what: 'each list of commands in the plan of an outside connector',
    beyond: refusedTarget,
  },
  probesPerPlan: { most: 1000, unit: 'probes', what: 'the plan of an outside connector', beyond: refusedTarget },
  commandTimeout: {
    most: 10 * minute,
    unit: 'ms',
    what: '`timeouts.check`, `timeouts.activate`',
    beyond: 'CONFIG_INVALID',
  },
  commandsOfAStep: {
    most: 10 * minute,
    unit: 'ms',
    what: 'all commands of one step of a deployment together',
    beyond: 'the step fails, and the deployment is put back',
  },
  interval: {
    most: 24 * 60 * minute,
    unit: 'ms',
    what: '`poll_interval`, `poll_wait`, `heartbeat_interval`',
    beyond: 'CONFIG_INVALID',
  },
  recoveryOfAnEntry: {
    most: 2 * minute,
    unit: 'ms',
    what: 'the commands and looks for one entry of the journal at a start',
    beyond: 'the entry stays for the next start; its files are back',
  },
  jobsPerPoll: {
    most: 1000,
    unit: 'jobs',
    what: 'one answer of the control plane',
    beyond: 'the others are answered as failed',
  },
  jobsWaiting: { most: 1000, unit: 'jobs', what: 'the inbox', beyond: 'SPOOL_FULL: no further job is claimed' },
  jobsRemembered: {
    most: 1000,
    unit: 'jobs',
    what: 'finished jobs, so that a second arrival is known',
    beyond: 'the oldest is forgotten',
  },
  reportsWaiting: {
    most: 10_000,
    unit: 'reports',
    what: 'the outbox',
    beyond: 'SPOOL_FULL: no further job is claimed',
  },
  certificatePem: {
    most: 256 * 1024,
    unit: 'bytes',
    what: 'the certificate and its chain',
    beyond: 'CONTROL_PLANE_UNREACHABLE',
  },
  challengeAnswers: {
    most: 100,
    unit: 'answers',
    what: 'answers to http-01 challenges at a time',
    beyond: later,
  },
  challengeAnswerLife: {
    most: 60 * minute,
    unit: 'ms',
    what: 'the life of such an answer',
    beyond: 'it goes after that time',
  },
  ownOrders: {
    most: 5,
    unit: 'orders',
    what: 'orders of certificates that this host renews by itself, for one set of names in 24 hours; each is signed three times at most',
    beyond: 'LIMIT_EXCEEDED: it is tried again later',
  },
  standingOrder: { most: 16 * 1024, unit: 'bytes', what: 'a standing order', beyond: 'ORDER_INVALID' },
  namesPerCertificate: { most: 1000, unit: 'names', what: 'a certificate', beyond: 'MATERIAL_INVALID' },
  keysPerDay: {
    most: 500,
    unit: 'keys',
    what: 'keys that jobs have this host make or use again in 24 hours',
    beyond: later,
  },
  keysPerCertificate: {
    most: 20,
    unit: 'keys',
    what: 'keys that jobs have this host make or use again for one certificate in 24 hours',
    beyond: later,
  },
  keysKept: {
    most: 10_000,
    unit: 'keys',
    what: 'the key store',
    beyond: 'the oldest that no target uses goes, if it is two weeks old; else LIMIT_EXCEEDED',
  },
  keyringsKept: {
    most: 2000,
    unit: 'certificates',
    what: 'certificates whose keys are remembered, for 400 days',
    beyond: 'the one that was asked for longest ago is forgotten, unless a target has its key',
  },
  targetsKept: {
    most: 2000,
    unit: 'targets',
    what: 'targets that jobs deployed to',
    beyond: `${later}: see \`waxseal forget\``,
  },
  reloadsPerHour: {
    most: 120,
    unit: 'reloads',
    what: 'transactions by jobs with the same reload command; jobs that wait together are one',
    beyond: later,
  },
  searchedFolders: { most: 50, unit: 'folders', what: '`discovery.folders`', beyond: 'CONFIG_INVALID' },
  searchedDepth: {
    most: 10,
    unit: 'folders',
    what: 'below each other, in a folder that is searched for certificates',
    beyond: `not looked at${said}`,
  },
  searchedPath: { most: 1024, unit: 'characters', what: 'the path of a file there', beyond: `not looked at${said}` },
  searchedNames: {
    most: 50_000,
    unit: 'names',
    what: 'all that one search for certificates comes by',
    beyond: `the rest is not looked at${said}`,
  },
  searchedBytes: {
    most: 256 * 1024 * 1024,
    unit: 'bytes',
    what: 'all files that one search reads, of 1 MiB each at most',
    beyond: `the rest is not looked at${said}`,
  },
  searchTime: { most: minute, unit: 'ms', what: 'one search', beyond: `the rest is not looked at${said}` },
  searchedCertificate: {
    most: 32 * 1024,
    unit: 'bytes',
    what: 'a certificate that a search finds',
    beyond: `it is left out${said}`,
  },
  certificatesFound: { most: 5000, unit: 'certificates', what: 'one search', beyond: `the rest is left out${said}` },
} as const satisfies Readonly<Record<string, Limit>>

export type LimitName = keyof typeof limits
