import t from 'tap'
import type { HostView } from '../../../../src/connector/host-view.ts'
import { planFor } from '../../../../src/connector/planner/plan-for.ts'
import { builtInConnectors } from '../../../../src/connector/registry/built-in.ts'
import { createRegistry } from '../../../../src/connector/registry/registry.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { parseMaterial } from '../../../../src/material/parse-material.ts'
import type { Plan, PlannedFile } from '../../../../src/plan/plan.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const authority = await (await makeAuthority()).intermediate()
const pair = await authority.issue({ names: ['*.example.net', 'mail.example.net'] })
const material = await parseMaterial({ ...pair, now: new Date() })
const leaf = material.leaf.pem
const chain = material.chain.map(({ pem }) => pem).join('')
const key = material.keyPem
const host = {
  run: async () => ({ exitCode: 1, stdout: '', output: '', isMissing: false }),
  readFile: async () => null,
} as unknown as HostView

const connectors = createRegistry(builtInConnectors)

t.test('each type has the published default paths and commands', async (t) => {
  t.match(summary(await plan({}, 'Postfix')), {
    service: 'postfix',
    paths: ['/etc/postfix/certs/cert.pem', '/etc/postfix/certs/key.pem'],
    check: ['postfix', 'check'],
    activate: [['postfix', 'reload']],
    recover: [['postfix', 'reload']],
  })
  t.match(summary(await plan({}, 'Dovecot')), {
    service: 'dovecot',
    paths: ['/etc/dovecot/certs/cert.pem', '/etc/dovecot/certs/key.pem'],
    check: ['doveconf', '-n'],
    activate: [['doveadm', 'reload']],
    recover: [['doveadm', 'reload']],
  })
})

t.test('mode chooses whose defaults are meant, whatever the type', async (t) => {
  for (const mode of ['postfix', 'dovecot']) {
    t.same(summary(await plan({ mode }, 'Postfix')), summary(await plan({ mode }, 'Dovecot')))
    t.equal((await plan({ mode }, 'Postfix')).service, mode)
  }
  t.equal(await fieldRefused({ mode: 'exim' }), 'mode')
})

t.test('the chain is behind the leaf where chain_path is empty or left out', async (t) => {
  for (const target of [{}, { chain_path: '' }]) {
    const { files } = await plan(target)

    t.same(files.map(textOf), [leaf + chain, key])
    t.same(
      files.map(({ role }) => role),
      ['certificate', 'key'],
    )
  }
})

t.test('a chain_path takes the chain into a file of its own', async (t) => {
  const { files } = await plan({ chain_path: '/srv/chain.pem' })

  t.same(files.map(textOf), [chain, leaf, key])
  t.same(
    files.map(({ role }) => role),
    ['chain', 'certificate', 'key'],
  )
})

t.test('a chain_path that is the path of another file is refused', async (t) => {
  t.equal(await fieldRefused({ cert_path: '/srv/a.pem', chain_path: '/srv/a.pem' }), 'chain_path')
  t.equal(await fieldRefused({ key_path: '/srv/a.pem', chain_path: '/srv/a.pem' }), 'chain_path')
})

t.test('cert_path equal to key_path makes one bundle, the key first, with the access of a key', async (t) => {
  const [bundle, ...others] = (
    await plan({ cert_path: '/srv/a.pem', key_path: '/srv/a.pem', key_file_mode: '0640', cert_file_mode: '0644' })
  ).files

  t.same(others, [])
  t.match(bundle, { path: '/srv/a.pem', role: 'bundle', mode: 0o640 })
  t.equal(bundle && textOf(bundle), key + leaf + chain)
})

t.test('what a target leaves out of mode, owner and group is kept', async (t) => {
  for (const { mode, owner, group } of (await plan({ chain_path: '/srv/chain.pem' })).files) {
    t.same([mode, owner, group], ['keep', 'keep', 'keep'])
  }
})

t.test('modes are octal strings or decimal integers', async (t) => {
  const written = { cert_file_mode: 420, key_file_mode: '0640', chain_file_mode: '640', chain_path: '/srv/chain.pem' }

  t.same(
    (await plan(written)).files.map(({ role, mode }) => [role, mode]),
    [
      ['chain', 0o640],
      ['certificate', 0o644],
      ['key', 0o640],
    ],
  )
})

t.test('what is no mode is refused by name', async (t) => {
  for (const field of ['cert_file_mode', 'key_file_mode', 'chain_file_mode']) {
    for (const mode of ['0999', 'rw', '', -1, 4096, 600, 1.5, '4755', null, true]) {
      t.equal(await fieldRefused({ [field]: mode, chain_path: '/srv/chain.pem' }), field, `${field} ${mode}`)
    }
  }
})

t.test('a key that others may read is refused, a certificate that they may read is not', async (t) => {
  for (const mode of ['0644', '0604', '0601', 420])
    t.equal(await fieldRefused({ key_file_mode: mode }), 'key_file_mode')
  for (const mode of ['0640', '0600', '0440']) t.equal(await fieldRefused({ key_file_mode: mode }), null)
  t.equal(await fieldRefused({ cert_file_mode: '0644', chain_file_mode: '0644', chain_path: '/srv/c' }), null)
})

t.test('owner or group alone is honoured alone, for each file', async (t) => {
  for (const [role, prefix] of [
    ['certificate', 'cert'],
    ['key', 'key'],
    ['chain', 'chain'],
  ] as const) {
    for (const [account, expected] of [
      ['owner', { owner: 'vmail', group: 'keep' }],
      ['group', { owner: 'keep', group: 'vmail' }],
    ] as const) {
      const { files } = await plan({ [`${prefix}_file_${account}`]: 'vmail', chain_path: '/srv/chain.pem' })

      t.match(
        files.find((file) => file.role === role),
        expected,
      )
      t.equal(files.filter(({ owner, group }) => owner === 'vmail' || group === 'vmail').length, 1)
    }
  }
})

t.test('commands are split on white space into an argv', async (t) => {
  const { check, activate, recover } = await plan({
    validate_command: ' postfix  -c /srv/postfix\tcheck ',
    reload_command: 'systemctl reload postfix@-.service',
  })

  t.same(check, ['postfix', '-c', '/srv/postfix', 'check'])
  t.same(activate, [['systemctl', 'reload', 'postfix@-.service']])
  t.same(recover, activate)
})

t.test('three earlier pairs are kept, or as many as the target says', async (t) => {
  t.equal((await plan({})).backupRetention, 3)
  t.equal((await plan({ backup_retention: 7 })).backupRetention, 7)
  t.equal((await plan({ backup_retention: -1 })).backupRetention, -1)
  t.equal(await fieldRefused({ backup_retention: -2 }), 'backup_retention')
})

t.test('a generation leads every path through one link', async (t) => {
  const { generation, files } = await plan({ layout: 'generation', directory: '/srv/pair/', chain_path: '' })

  t.same(generation, { directory: '/srv/pair', link: '/srv/pair/current' })
  t.same(
    files.map(({ path }) => path),
    ['/srv/pair/current/cert.pem', '/srv/pair/current/key.pem'],
  )
  t.equal((await plan({})).generation, null)
})

t.test('a generation without a directory, or with a path beside its link, is refused', async (t) => {
  const generation = { layout: 'generation', directory: '/srv/pair' }

  t.equal(await fieldRefused({ layout: 'generation' }), 'directory')
  t.equal(await fieldRefused({ ...generation, cert_path: '/srv/pair/cert.pem' }), 'cert_path')
  t.equal(await fieldRefused({ ...generation, key_path: '/srv/pair/current/../key.pem' }), 'key_path')
  t.equal(await fieldRefused({ ...generation, key_path: '/srv/pair/current/..' }), 'key_path')
  t.equal(await fieldRefused({ ...generation, key_path: '/srv/pair/current/' }), 'key_path')
  t.equal(await fieldRefused({ ...generation, chain_path: '/srv/chain.pem' }), 'chain_path')
})

function plan(config: Readonly<Record<string, unknown>>, type = 'Postfix'): Promise<Plan> {
  return planFor(connectors.find(type), config, material, host, AbortSignal.timeout(10_000))
}

function textOf({ contents }: PlannedFile): string {
  return Buffer.from(contents).toString('utf8')
}

function summary({ service, files, check, activate, recover }: Plan): object {
  return { service, paths: files.map(({ path }) => path), check, activate, recover }
}

/** The field that TARGET_INVALID names; null: the target is accepted. */
async function fieldRefused(config: Readonly<Record<string, unknown>>): Promise<unknown> {
  return plan(config).then(
    () => null,
    (error: unknown) =>
      error instanceof WaxsealError && error.code === 'TARGET_INVALID' ? error.details['field'] : String(error),
  )
}
