import t from 'tap'
import { deploy } from '../../../src/deployer/deploy.ts'
import { examineDane } from '../../../src/examine/examine-dane.ts'
import { answering, startAnswering } from '../../support/answering-server.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'

const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
const publish = /Publish beside them: _1\._tcp\.mail\.example\.net\. IN TLSA 3 1 1 [0-9a-f]{64}$/

for (const isOwn of [false, true]) {
  t.test(
    `a record of the certificate alone is ${isOwn ? 'warned of where' : 'enough unless'} this host renews by itself`,
    async (t) => {
      const dir = t.testdir({})
      const data = { usage: 3, selector: 0, matchingType: 1, certificate: Buffer.from(pair.sha256, 'hex') }
      const { address, port } = await startAnswering(t, ({ name }) => answering({ type: 'TLSA', name, ttl: 60, data }))
      const own = { directory: 'https://ca.example.net/directory', accept_terms: true }
      const acme = isOwn ? { acme: { http: { responder: true }, own } } : {}
      const engine = await openTestEngine(dir, ['true'], { resolvers: [`${address}:${port}`], ...acme })
      const files = [
        { path: `${dir}/web.crt`, format: 'fullchain' },
        { path: `${dir}/web.key`, format: 'key' },
      ]
      const looked = { endpoints: ['127.0.0.1:1'], post_deploy_verify_attempts: 1 }
      const config = { service: 'web', files, reload_command: 'true', ...looked }
      const { certificatePem, keyPem } = pair
      await deploy({ target: 'web', connector: 'files', config, certificatePem, findKey: async () => keyPem }, engine)
      const records = (await engine.records.list()).map(({ document }) => document)

      const findings = await examineDane(engine, records)

      const wanted = isOwn ? { verdict: 'warning', detail: publish } : { verdict: 'ok' }
      t.match(findings, [{ what: 'TLSA records of _1._tcp.mail.example.net', ...wanted }])
    },
  )
}
