import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openAuthority } from '../../src/server/authority/authority.ts'
import { openStore } from '../../src/server/store/open-store.ts'

/** How large the fleet is. */
export interface FleetSize {
  readonly hosts: number
  /** That are finished; one of fifty has failed. */
  readonly jobs: number
  /** Milliseconds since 1970. */
  readonly now: number
}

const outcome = JSON.stringify({ outcome: 'deployed', proven: true, steps: 'x'.repeat(900) })

/**
 * Fills the database of a data directory whose server does not run: hosts with two targets and one certificate each, which has two
 * versions, a label, and a certificate that was found. A roll-out over all of them has stopped. Of the hosts some are silent, some retired; some targets drift; failures of all days, with their codes.
 */
export async function fillFleet(dataDir: string, { hosts, jobs, now }: FleetSize): Promise<void> {
  // Where agents are registered a CA is missing, and never new.
  await openAuthority(dataDir)
  await (await openStore({ dataDir })).close()
  const database = new DatabaseSync(join(dataDir, 'control-plane.db'))
  database.exec('PRAGMA synchronous = OFF; BEGIN')
  for (const [sql, values] of statements(BigInt(hosts), BigInt(jobs), BigInt(now))) database.prepare(sql).run(values)
  database.exec('COMMIT')
  database.close()
}

/** Whole numbers: SQLite would count on in floating ones. */
type Statement = readonly [string, Readonly<Record<string, bigint | string>>]

function statements(hosts: bigint, jobs: bigint, now: bigint): readonly Statement[] {
  const each = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $hosts)'
  const name = (prefix: string): string => `'${prefix}-' || substr('00000' || i, -5)`
  return [
    [
      `${each} INSERT INTO agent (id, name, hostname, status, features, registered_at)
        SELECT ${name('agent')}, ${name('mail')}, ${name('mail')} || '.example.net',
          CASE WHEN i % 200 = 0 THEN 'retired' ELSE 'active' END, '["lease"]', $now - 8640000000 + i FROM n`,
      { $hosts: hosts, $now: now },
    ],
    [
      `${each} INSERT INTO agent_label (agent_id, name, value)
        SELECT ${name('agent')}, 'role', CASE WHEN i % 3 = 0 THEN 'imap' ELSE 'mx' END FROM n`,
      { $hosts: hosts },
    ],
    [
      `${each} INSERT INTO presence (agent_id, seen_at, heartbeat_at)
        SELECT ${name('agent')}, seen, seen FROM (
          SELECT i, $now - CASE WHEN i % 97 = 0 THEN 7200000 ELSE 1000 * (i % 60) END AS seen FROM n WHERE i % 331 <> 0)`,
      { $hosts: hosts, $now: now },
    ],
    ...(['Postfix', 'Dovecot'] as const).map(
      (type): Statement => [
        `${each} INSERT INTO target (id, name, agent_id, type, config)
          SELECT 'target-' || '${type}' || i, ${name('mail')} || '-${type.toLowerCase()}', ${name('agent')}, '${type}', '{}' FROM n`,
        { $hosts: hosts },
      ],
    ),
    [
      `${each} INSERT INTO certificate (id, agent_id, common_name, sans, validity_days, issuers, key_policy, next_renewal_at,
          renewal_failures, last_error, created_at)
        SELECT ${name('cert')}, ${name('agent')}, ${name('mail')} || '.example.net', '["imap.example.net","smtp.example.net"]', 47, '[]',
          'rotate', CASE WHEN i % 500 = 0 THEN NULL ELSE $now + (i % 700) * 3600000 END, 0,
          CASE WHEN i % 150 = 0 THEN 'KEY_MISSING: The private key is not on this host.' END, $now - 8640000000 FROM n`,
      { $hosts: hosts, $now: now },
    ],
    ...[2n, 1n].map(
      (number): Statement => [
        `${each} INSERT INTO version (certificate_id, number, serial, pem, not_before, not_after, spki, fingerprint, issuer, issued_at)
          SELECT ${name('cert')}, $number, hex(randomblob(8)), hex(randomblob(1600)), ends - 4060800000, ends, 'ab', 'cd', 'local',
            ends - 4060800000
          FROM (SELECT i, $now - 7200000 + (i % 1127) * 3600000 - (2 - $number) * 2707200000 AS ends FROM n WHERE i % 400 <> 0)`,
        { $hosts: hosts, $now: now, $number: number },
      ],
    ),
    [
      `${each} INSERT INTO drift (target_id, reasons, since)
        SELECT 'target-Postfix' || i, '["/etc/postfix/certs/cert.pem is not what was deployed.","127.0.0.1:25 serves another leaf."]',
          strftime('%Y-%m-%dT%H:%M:%SZ', $now / 1000 - i % 90000, 'unixepoch') FROM n WHERE i % 250 = 0`,
      { $hosts: hosts, $now: now },
    ],
    [
      `${each} INSERT INTO discovered (agent_id, fingerprint, path, format, common_name, sans, issuer, subject, serial, not_before,
          not_after, key_algorithm, key_size, is_ca, first_seen, last_seen)
        SELECT ${name('agent')}, lower(hex(randomblob(32))), '/etc/letsencrypt/live/' || ${name('www')} || '/fullchain.pem', 'PEM',
          ${name('www')} || '.example.net', '[]', 'CN=R11,O=Example CA', 'CN=' || ${name('www')}, '0a', $now - 5184000000 + i * 1000,
          $now + (i % 60 - 1) * 86400000, 'ECDSA', 256, 0, $now - 1000, $now - 1000 FROM n`,
      { $hosts: hosts, $now: now },
    ],
    ...daneStatements(each, name, hosts, now),
    [
      `INSERT INTO rollout (id, name, action, state, chosen, stop_hosts, deadline_ms, wave, reason, created_at, created_by)
        VALUES ('rollout-1', 'november', 'renew', 'stopped',
          '{"labels":["role=mx"],"agents":[],"targets":[],"first":[],"shares":[5,25,100]}', 2, 3600000, 2,
          '2 hosts have failed: mail-00013 (VERIFY_FAILED), mail-00026 (VERIFY_FAILED)', $now - 5400000, 'operator:ann')`,
      { $now: now },
    ],
    [
      `${each} INSERT INTO rollout_target (rollout_id, target_id, agent_id, certificate_id, wave, state, spent_ms, is_joined, is_recalled,
          is_counted, is_hurried, error)
        SELECT 'rollout-1', 'target-Postfix' || i, ${name('agent')}, ${name('cert')},
          CASE WHEN i <= $hosts / 20 THEN 1 WHEN i <= $hosts / 4 THEN 2 ELSE 3 END,
          CASE WHEN i > $hosts / 4 THEN 'waiting' WHEN i IN (13, 26) THEN 'failed' WHEN i > $hosts / 10 THEN 'open' ELSE 'proven' END,
          0, 0, 0, 1, 0, CASE WHEN i IN (13, 26) THEN 'VERIFY_FAILED: The new certificate was not served on every probe.' END FROM n`,
      { $hosts: hosts },
    ],
    [
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $jobs)
        INSERT INTO job (id, type, agent_id, certificate_id, version_number, target_id, status, attempt, error, outcome, created_at,
          updated_at, is_reaped)
        SELECT 'job-' || i, 'Deployment', 'agent-' || host, 'cert-' || host, 2, 'target-Postfix' || (i % $hosts + 1),
          CASE WHEN failed THEN 'Failed' ELSE 'Completed' END, 1,
          CASE WHEN NOT failed THEN NULL WHEN i % 3 = 0 THEN 'ACTIVATE_FAILED: The daemon did not take the new files. (command: postfix reload)'
            WHEN i % 3 = 1 THEN 'VERIFY_FAILED: A listener does not serve the new certificate. (endpoint: 127.0.0.1:25)'
            ELSE 'the agent has been silent for over 5 minutes' END,
          $outcome, ends, ends, failed AND i % 3 = 2
        FROM (SELECT i, substr('00000' || (i % $hosts + 1), -5) AS host, i % 50 = 0 AS failed,
          $now - 1000 - ($jobs - i) * (2592000000 / $jobs) AS ends FROM n)`,
      { $hosts: hosts, $jobs: jobs, $now: now, $outcome: outcome },
    ],
  ]
}

/** Roll-over of TLSA records of every 97th host, whose records are not looked at again; and what is the matter with some of them. */
function daneStatements(
  each: string,
  name: (prefix: string) => string,
  hosts: bigint,
  now: bigint,
): readonly Statement[] {
  const owner = `'_25._tcp.' || ${name('mail')} || '.example.net'`
  const of = `FROM n WHERE i % 97 = 0`
  const whole: Statement[1] = { $hosts: hosts, $now: now }
  const record = (spki: string, state: string, seenAt: string): Statement => [
    `${each} INSERT INTO tlsa_record (target_id, name, spki, state, is_by_other, lacking_ms, seen_at, wait_ms, changed_at)
      SELECT 'target-Postfix' || i, ${owner}, ${spki}, ${state}, 0, 0, ${seenAt}, 3600000, $now - 7200000 ${of}`,
    whole,
  ]
  return [
    [
      `${each} INSERT INTO rollover_target (target_id, turned_on_at, turned_on_by, next_look_at)
        SELECT 'target-Postfix' || i, $now, 'operator:ann', $now + 864000000000 ${of}`,
      whole,
    ],
    [
      `${each} INSERT INTO rollover_name (target_id, name, end_name, looked_at, ttl_ms, cached_until, seen, is_by_hand, problem)
        SELECT 'target-Postfix' || i, ${owner}, ${owner}, $now - 60000, 3600000, $now,
          '["3 1 1 ' || replace(hex(zeroblob(16)), '00', 'ab') || replace(hex(zeroblob(16)), '00', 'cd') || '"]', i % 2,
          CASE WHEN i % 3 = 0 THEN 'ns2.example.net (192.0.2.53) gives no answer: ETIMEOUT' END ${of}`,
      whole,
    ],
    record(
      "replace(hex(zeroblob(16)), '00', 'ab') || replace(hex(zeroblob(16)), '00', 'cd')",
      "'published'",
      '$now - 7200000',
    ),
    record("replace(hex(zeroblob(32)), '00', 'ef')", "'wanted'", 'NULL'),
    [
      `${each} INSERT INTO matter (id, kind, code, subject, agent, target, certificate, text, opened_at, seen_at, told_at, told_as, tellings, counted_from)
        SELECT lower(hex(zeroblob(4))) || substr('00000000' || i, -8), 'dane', CASE WHEN i % 2 = 0 THEN 'DANE_PROBLEM' ELSE 'DANE_PUBLISH' END,
          'target-Postfix' || i, ${name('mail')}, ${name('mail')} || '-postfix', NULL,
          'Publish for ' || ${name('mail')} || '-postfix, beside the records that are there: ' || ${owner} || '. IN TLSA 3 1 1 '
            || replace(hex(zeroblob(32)), '00', 'ef'),
          $now - 7200000, $now, CASE WHEN i % 2 = 0 THEN $now - 7100000 END, CASE WHEN i % 2 = 0 THEN 'open' END, i % 2, $now ${of}`,
      whole,
    ],
  ]
}
