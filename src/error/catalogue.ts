/** What an error leaves behind on the host (law 6). */
export type HostState = 'untouched' | 'restored' | 'changed' | 'unknown'

interface CatalogueEntry {
  /** A constant sentence; values go into `details`. */
  readonly message: string
  readonly retry: 'never' | 'backoff'
  readonly host: HostState
}

/** Every error that Waxseal raises, by code. `docs/errors.md` has a heading for each. */
export const catalogue = {
  CONFIG_INVALID: { message: 'The configuration is not valid.', retry: 'never', host: 'untouched' },
  USAGE_INVALID: { message: 'The command line is not valid.', retry: 'never', host: 'untouched' },
  NEEDS_ROOT: { message: 'This command needs root.', retry: 'never', host: 'untouched' },
  STATE_BUSY: { message: 'Another process works with the state directory.', retry: 'backoff', host: 'untouched' },
  LIMIT_EXCEEDED: { message: 'A limit of this host is reached.', retry: 'backoff', host: 'untouched' },
  SPOOL_FULL: { message: 'The state directory takes no new work.', retry: 'backoff', host: 'untouched' },
  DEPLOYER_UNREACHABLE: {
    message: 'The half of Waxseal that deploys gave no usable answer.',
    retry: 'backoff',
    host: 'untouched',
  },
  HALVES_DIFFER: {
    message: 'The two halves of Waxseal on this host are of different versions.',
    retry: 'backoff',
    host: 'untouched',
  },
  CONTROL_PLANE_UNREACHABLE: {
    message: 'The control plane gave no usable answer.',
    retry: 'backoff',
    host: 'untouched',
  },
  CONTROL_PLANE_REFUSED: { message: 'The control plane refused the request.', retry: 'backoff', host: 'untouched' },
  DATABASE_UNREACHABLE: {
    message: 'The database of the control plane gave no usable answer.',
    retry: 'backoff',
    host: 'untouched',
  },
  DATABASE_NEWER: {
    message: 'The database of the control plane was written by a newer Waxseal.',
    retry: 'never',
    host: 'untouched',
  },
  AUDIT_BROKEN: {
    message: 'The audit trail is not the one that was written.',
    retry: 'never',
    host: 'untouched',
  },
  ISSUER_FAILED: {
    message: 'No issuer has signed the certificate.',
    retry: 'backoff',
    host: 'untouched',
  },
  ACME_UNREACHABLE: { message: 'The ACME server gave no usable answer.', retry: 'backoff', host: 'untouched' },
  ACME_REFUSED: { message: 'The ACME server refused the request.', retry: 'backoff', host: 'untouched' },
  DNS_UPDATE_FAILED: {
    message: 'A DNS record could not be published or removed.',
    retry: 'backoff',
    host: 'untouched',
  },
  CAA_REFUSES: {
    message: 'The CAA records of a name let the CA sign nothing for it.',
    retry: 'backoff',
    host: 'untouched',
  },
  PROOF_IMPOSSIBLE: {
    message: 'There is no way to prove a name to the CA.',
    retry: 'backoff',
    host: 'untouched',
  },
  PROOF_UNSEEN: {
    message: 'What proves a name to the CA was published, and is not seen.',
    retry: 'backoff',
    host: 'untouched',
  },
  ISSUER_INVALID: {
    message: 'A module that is to sign certificates does not keep the contract of issuers.',
    retry: 'backoff',
    host: 'untouched',
  },
  NOTICE_FAILED: {
    message: 'People could not be told.',
    retry: 'backoff',
    host: 'untouched',
  },
  CA_MISSING: {
    message: 'The certificate authority of this control plane is not in its data directory.',
    retry: 'never',
    host: 'untouched',
  },
  AGENT_RETIRED: { message: 'The control plane has retired this agent.', retry: 'never', host: 'untouched' },
  JOB_MALFORMED: { message: 'The job does not have the form of the protocol.', retry: 'never', host: 'untouched' },
  JOB_UNSUPPORTED: { message: 'This agent does not do jobs of this type.', retry: 'never', host: 'untouched' },
  JOB_CANCELLED: { message: 'The job was cancelled before it began.', retry: 'never', host: 'untouched' },
  JOB_EXPIRED: { message: 'The deadline of the job passed before it began.', retry: 'never', host: 'untouched' },
  CONNECTOR_UNKNOWN: { message: 'No connector goes by this name.', retry: 'never', host: 'untouched' },
  CONNECTOR_INVALID: {
    message: 'A connector module does not keep the contract of connectors.',
    retry: 'never',
    host: 'untouched',
  },
  TARGET_INVALID: { message: 'The target configuration is not valid.', retry: 'never', host: 'untouched' },
  TARGET_UNKNOWN: { message: 'This host knows no such target.', retry: 'never', host: 'untouched' },
  TARGET_REDACTED: { message: 'The target configuration is a redacted copy.', retry: 'never', host: 'untouched' },
  TARGET_NOT_ALLOWED: {
    message: 'The policy of this host takes jobs for its own targets alone.',
    retry: 'never',
    host: 'untouched',
  },
  ORDER_MISSING: {
    message: 'This host takes jobs that a signed order covers, and this one came without an order.',
    retry: 'never',
    host: 'untouched',
  },
  ORDER_UNTRUSTED: {
    message: 'The order of the job is not signed with a key that this host pins.',
    retry: 'never',
    host: 'untouched',
  },
  ORDER_INVALID: { message: 'The order does not have its form.', retry: 'never', host: 'untouched' },
  ORDER_EXPIRED: { message: 'The order of the job is not valid at this time.', retry: 'never', host: 'untouched' },
  ORDER_SUPERSEDED: {
    message: 'This host has taken a newer order for the target, or another one with the same sequence.',
    retry: 'never',
    host: 'untouched',
  },
  ORDER_EXCEEDED: {
    message: 'The job goes beyond the order that came with it.',
    retry: 'never',
    host: 'untouched',
  },
  MATERIAL_INVALID: {
    message: 'The certificate or the key cannot be used.',
    retry: 'never',
    host: 'untouched',
  },
  KEY_MISSING: { message: 'No private key for this certificate is on this host.', retry: 'never', host: 'untouched' },
  KEY_MISMATCH: { message: 'The private key does not belong to the certificate.', retry: 'never', host: 'untouched' },
  CERTIFICATE_EXPIRED: {
    message: 'The leaf, or a certificate of its chain, is not valid at this time.',
    retry: 'never',
    host: 'untouched',
  },
  CERTIFICATE_UNFIT: { message: 'Clients would refuse this certificate.', retry: 'never', host: 'untouched' },
  CHAIN_BROKEN: { message: 'The certificates do not form one chain.', retry: 'never', host: 'untouched' },
  NAME_NOT_ALLOWED: {
    message: 'The policy of this host does not allow a name in the certificate.',
    retry: 'never',
    host: 'untouched',
  },
  SIGNING_NOT_ALLOWED: {
    message: 'The policy of this host has no such request for a CA signed.',
    retry: 'never',
    host: 'untouched',
  },
  CHALLENGE_NOT_ALLOWED: {
    message: 'The policy of this host answers no challenges of a CA.',
    retry: 'never',
    host: 'untouched',
  },
  ACCOUNT_NOT_ALLOWED: {
    message: 'The policy of this host answers no challenges of this ACME account.',
    retry: 'never',
    host: 'untouched',
  },
  KEY_TYPE_NOT_ALLOWED: {
    message: 'The policy of this host does not allow a key of this kind.',
    retry: 'never',
    host: 'untouched',
  },
  INSTANCE_NOT_ALLOWED: {
    message: 'The configuration of this host names no such instance of the daemon.',
    retry: 'never',
    host: 'untouched',
  },
  OWNER_NOT_ALLOWED: {
    message: 'The policy of this host does not allow a file to be given to this account.',
    retry: 'never',
    host: 'untouched',
  },
  PATH_NOT_ALLOWED: { message: 'The policy of this host does not allow this path.', retry: 'never', host: 'untouched' },
  COMMAND_NOT_ALLOWED: {
    message: 'The policy of this host does not allow this command.',
    retry: 'never',
    host: 'untouched',
  },
  PROBE_NOT_ALLOWED: {
    message: 'The policy of this host does not allow this probe address.',
    retry: 'never',
    host: 'untouched',
  },
  PATH_NOT_READ: { message: 'No listener of the daemon reads this path.', retry: 'never', host: 'untouched' },
  NAME_NOT_COVERED: {
    message: 'The certificate does not cover a name that this host serves.',
    retry: 'never',
    host: 'untouched',
  },
  NAMES_UNRELATED: {
    message: 'The certificate shares no name with the one that is live.',
    retry: 'never',
    host: 'untouched',
  },
  CHAIN_MISSING: {
    message: 'The certificate comes without its chain, and the live one has one.',
    retry: 'never',
    host: 'untouched',
  },
  RSA_KEY_LOST: {
    message: 'Clients that know RSA alone would find no key for them any more.',
    retry: 'never',
    host: 'untouched',
  },
  TRUST_LOST: {
    message: 'Clients take the live certificate by the roots of this system, and would refuse the new one.',
    retry: 'never',
    host: 'untouched',
  },
  CERTIFICATE_OLDER: { message: 'The certificate is older than the live one.', retry: 'never', host: 'untouched' },
  DANE_MISMATCH: {
    message: 'The TLSA records of this host do not match the new pair.',
    retry: 'never',
    host: 'untouched',
  },
  DANE_WAITING: {
    message: 'The older pair may not be served yet: caches of senders may not have its TLSA record.',
    retry: 'never',
    host: 'untouched',
  },
  PREFLIGHT_FAILED: {
    message: 'The daemon’s own check fails, and failed before any file was touched: see what it says.',
    retry: 'never',
    host: 'untouched',
  },
  KEY_SHARED: {
    message: 'Another certificate, which is not replaced, has the key that would be replaced.',
    retry: 'never',
    host: 'untouched',
  },
  TABLE_BROKEN: {
    message: 'A table that holds this pair would lose a name that it serves now.',
    retry: 'never',
    host: 'untouched',
  },
  STAGE_FAILED: {
    message: 'A new file cannot be written beside its destination, or not be moved there.',
    retry: 'backoff',
    host: 'untouched',
  },
  COMMIT_FAILED: { message: 'A new file could not be moved into place.', retry: 'backoff', host: 'restored' },
  CHECK_FAILED: { message: 'The daemon’s own check refused the new files.', retry: 'never', host: 'restored' },
  ACTIVATE_FAILED: { message: 'The daemon could not be made to load the new files.', retry: 'never', host: 'restored' },
  VERIFY_FAILED: { message: 'The new certificate was not served on every probe.', retry: 'never', host: 'restored' },
  GENERATION_UNKNOWN: { message: 'No such pair of this target is kept.', retry: 'never', host: 'untouched' },
  VALIDATION_FAILED: { message: 'The target is not as it was deployed.', retry: 'never', host: 'untouched' },
  ROLLBACK_FAILED: {
    message: 'The old files could not be put back, or could not be proven to be served again.',
    retry: 'never',
    host: 'unknown',
  },
  INTERRUPTED: { message: 'The deployment was interrupted too often.', retry: 'never', host: 'unknown' },
  REPORT_REFUSED: { message: 'The control plane refused a result.', retry: 'never', host: 'changed' },
  INTERNAL: { message: 'An error in Waxseal itself.', retry: 'never', host: 'unknown' },
} as const satisfies Record<string, CatalogueEntry>

/** The codes of the catalogue. */
export type ErrorCode = keyof typeof catalogue
