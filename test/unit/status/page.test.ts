import t from 'tap'
import { statusPage } from '../../../src/status/page.ts'
import { hostileText, rawCharacter } from '../../support/hostile-text.ts'
import { aStatus, aTarget } from '../../support/status-document.ts'

const hostile = `<script>alert(1)</script>" onload="x\u{202e}${hostileText}`

t.test('the page says the worst first, in its heading and its title', async (t) => {
  const headingOf = (page: string): string => /<h1[^>]*>([^<]*)</.exec(page)?.[1] ?? ''
  const targets = [aTarget({ state: 'failed' }), aTarget({ state: 'drifting' }), aTarget()]

  t.equal(headingOf(statusPage(aStatus())), 'All is well')
  t.equal(headingOf(statusPage(aStatus({ targets }))), '1 target failed, 1 target drifting')
  t.equal(headingOf(statusPage(aStatus({ targets: [aTarget({ state: 'due' })] }))), '1 renewal due')
  t.equal(headingOf(statusPage(aStatus({ targets: [aTarget({ state: 'late' })] }))), '1 renewal late')
  t.equal(headingOf(statusPage(aStatus({ setAside: ['x.json'] }))), 'Something wants a look')
  t.match(statusPage(aStatus({ ready: false })), /<title>Not ready – mx1/)
})

t.test('nothing that comes from outside is markup', async (t) => {
  const target = aTarget()
  const page = statusPage(
    aStatus({
      hostname: hostile,
      warnings: [hostile],
      setAside: [hostile],
      currentJobs: [hostile],
      waiting: [
        {
          job: hostile,
          kind: 'deployment',
          name: hostile,
          waitsFor: 'try',
          code: hostile,
          reason: hostile,
          nextTry: null,
        },
      ],
      deadLetters: [{ job: hostile, refusal: hostile }],
      recovered: [{ target: hostile, name: hostile, did: hostile, code: hostile }],
      notReady: [hostile],
      controlPlane: { url: hostile, lastPoll: null, lastHeartbeat: null, error: hostile },
      targets: [
        {
          ...target,
          target: hostile,
          connector: hostile,
          problems: [hostile],
          deployed: target.deployed === null ? null : { ...target.deployed, names: [hostile], sha256: hostile },
          files: [{ path: hostile, role: hostile, leaf: hostile, ok: false }],
          endpoints: [
            {
              address: hostile,
              protocol: hostile,
              servername: hostile,
              seen: hostile,
              ok: false,
              decides: true,
              error: hostile,
            },
          ],
          dane: [
            {
              owner: hostile,
              state: 'mismatch',
              published: [{ value: hostile, matches: true }],
              isSecure: false,
              publish: hostile,
              failed: hostile,
            },
          ],
          lastJob:
            target.lastJob === null ? null : { ...target.lastJob, job: hostile, code: hostile, message: hostile },
        },
      ],
    }),
  )

  t.equal(page.match(/<script/g)?.length, 1)
  t.notMatch(page, /onload="x/)
  t.notMatch(page, rawCharacter)
  t.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot; onload=&quot;x/)
})
