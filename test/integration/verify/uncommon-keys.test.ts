import { join } from 'node:path'
import t from 'tap'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { targetOf } from '../../support/deployment.ts'
import { type KeyKind, keyArguments, openOpensslPairs, serveWithOpenssl } from '../../support/openssl-pairs.ts'
import { runWaxseal } from '../../support/run-waxseal.ts'

const issue = await openOpensslPairs(t)
const kinds: readonly KeyKind[] = [...(Object.keys(keyArguments) as (keyof typeof keyArguments)[]), 'DSA']
/** Clients of TLS cannot ask for it, so that nobody is shown such a leaf. */
const unservable: readonly KeyKind[] = ['prime239v1']

for (const kind of kinds) {
  t.test(`a leaf with a key of ${kind} is shown, or an error says that it was not`, async (t) => {
    const pair = await issue(kind)
    const port = await serveWithOpenssl(t, pair, ['-cipher', 'ALL:@SECLEVEL=0'])

    const ran = await runWaxseal(['probe', `127.0.0.1:${port}`, '--expect', pair.sha256])

    t.equal(ran.status, unservable.includes(kind) ? 1 : 0, ran.stdout)
  })

  t.test(`a P-256 leaf below a CA of ${kind} is shown`, async (t) => {
    const pair = await issue('P-256', { issuer: await issue(kind, { name: 'CA' }) })
    const port = await serveWithOpenssl(t, pair)

    const ran = await runWaxseal(['probe', `127.0.0.1:${port}`, '--expect', pair.sha256])

    t.match(ran, { status: 0, stdout: /chain +1 more certificate$/m })
  })
}

/** The certificate that Postfix serves, the one that is deployed, and whether that one can be served at all. */
const changes = [
  ['P-256', 'P-256', 'brainpoolP256r1', 'deployed'],
  ['P-256', 'P-256', 'secp256k1', 'deployed'],
  ['brainpoolP256r1', 'P-256', 'prime239v1', 'deployed'],
  ['secp256k1', 'P-256', 'explicit brainpoolP256r1', 'deployed'],
  ['RSA', 'secp256k1', 'secp256k1', 'refused'],
  ['P-256', 'prime239v1', 'RSA', 'refused'],
  ['P-256', 'DSA', 'RSA', 'refused'],
] as const

for (const [before, after, authority, verdict] of changes) {
  t.test(
    `Postfix with a leaf of ${before}: one of ${after} below a CA of ${authority} is ${verdict}, and nothing dies`,
    { skip: unlessInstalled('postfix') },
    async (t) => {
      const dir = await makeTemporaryFolder('waxseal-test-')
      t.teardown(() => removeTree(dir))
      const daemon = await startPostfix(dir, await issue(before))
      t.teardown(() => daemon.stop())
      const pair = await issue(after, { issuer: await issue(authority, { name: 'CA' }) })
      const commands = [daemon.check.join(' '), daemon.reload.join(' ')]
      const config = join(dir, 'waxseal.yaml')
      await writeText(config, JSON.stringify({ state_dir: join(dir, 'state'), policy: { roots: [dir], commands } }))
      await writeText(join(dir, 'target.json'), JSON.stringify(targetOf(daemon)))

      const files = ['--target', join(dir, 'target.json'), '--cert', pair.certPath, '--key', pair.keyPath]
      const about = ['--connector', 'postfix', ...files, '--chain', pair.chainPath, '--config', config]
      const deployed = await runWaxseal(['deploy', ...about])
      const recovered = await runWaxseal(['recover', '--config', config])

      t.equal(deployed.status, verdict === 'deployed' ? 0 : 3, deployed.stdout + deployed.stderr)
      t.match(deployed.stdout, new RegExp(verdict))
      t.equal(recovered.status, 0, recovered.stderr)
    },
  )
}
