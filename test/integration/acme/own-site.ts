import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Test } from 'tap'
import { request } from 'undici'
import { openDeployer as openCourierSide } from '../../../src/courier/deployer.ts'
import { type OwnRenewalParts, renewAlone } from '../../../src/courier/own-renewal.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { freePorts } from '../../../src/host/file/plain-files.ts'
import type { AcmeCaOptions, CaProblem, LookedFor } from '../../support/acme-ca/acme-ca.ts'
import { serveAcmeCa } from '../../support/acme-ca/serve-acme-ca.ts'
import { allTaken, openDeployer } from '../../support/deployer.ts'
import { startWaxseal } from '../../support/process.ts'

export const ownNames = ['mail.example.net'] as const
const minuteMs = 60_000

/** A deployer with a certificate that has used nine tenths of its life, a CA that looks at the responder of this host, and no control plane. */
export async function openOwnSite(t: Test, options: AcmeCaOptions = {}, own: object = {}) {
  const [port = 0] = await freePorts(1)
  const ca = await serveAcmeCa({ look: (challenge) => lookAt(port, challenge), ...options })
  const deployer = await openDeployer(t)
  const caFile = join(deployer.dir, 'acme-ca.pem')
  await writeFile(caFile, `${ca.httpsCaPem}${ca.rootPem}`)
  const configure = (changes: object = {}, commands: readonly string[] = ['true', 'false']): Promise<void> =>
    deployer.configure({
      policy: {
        roots: [deployer.dir],
        commands,
        acme: {
          // Of somebody else: the host's own account needs no place there.
          http: { responder: true, accounts: ['A'.repeat(43)] },
          own: { directory: ca.directoryUrl, ca_file: caFile, accept_terms: true, ...own, ...changes },
        },
      },
    })
  await configure()
  const responder = startWaxseal([
    'acme-responder',
    '--folder',
    `${deployer.stateDir}-acme`,
    '--listen',
    `127.0.0.1:${port}`,
  ])
  t.teardown(async () => {
    responder.kill('SIGTERM')
    await responder.exited
    await ca.close()
  })
  const pair = await deployer.authority.issue({
    names: [...ownNames],
    notBefore: new Date(Date.now() - 95 * minuteMs),
    notAfter: new Date(Date.now() + 5 * minuteMs),
  })
  await deployer.keep(pair)
  const process = await deployer.start()
  await deployer.answer({ ask: 'take', jobs: [deployer.job('job-1')] })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  await deployer.answer(allTaken(await deployer.settled()))
  const said: string[] = []
  const log = pino(
    { base: null },
    {
      write: (line: string) => {
        const { msg, reason } = JSON.parse(line) as { readonly msg: string; readonly reason?: string }
        said.push(`${msg}${reason === undefined ? '' : `: ${reason}`}`)
      },
    },
  )
  // It is shown a little later.
  while (((await deployer.view())?.records ?? []).length === 0) await systemClock.sleep(20)
  const acme = {
    directory: ca.directoryUrl,
    ca: ca.httpsCaPem,
    after: 0.9,
    profile: null,
    contact: [],
    acceptsTerms: true,
    ...own,
  }
  /** The courier's loop, until it has handed a certificate over, or failed. */
  const renew = async (changes: Partial<OwnRenewalParts> = {}): Promise<readonly string[]> => {
    const stop = new AbortController()
    let length = said.length
    await renewAlone({
      deployer: openCourierSide(deployer.socket),
      readShown: () => deployer.view(),
      state: { lastPoll: null, lastHeartbeat: null },
      readAcme: async () => acme,
      onRenewed: async () => stop.abort(),
      isEnrolled: () => false,
      clock: {
        ...systemClock,
        sleep: async (ms, signal) => {
          // The wait after a look; between looks at an order it is one second.
          if (ms > 1000) stop.abort()
          else await systemClock.sleep(10, signal)
        },
      },
      log,
      signal: stop.signal,
      ...changes,
    })
    const told = said.slice(length)
    length = said.length
    return told
  }
  return { ca, deployer, process, pair, renew, configure }
}

/** As a CA looks: over plain HTTP, at port 80 of the name. */
async function lookAt(port: number, { name, token, keyAuthorization }: LookedFor): Promise<CaProblem | null> {
  try {
    const url = `http://127.0.0.1:${port}/.well-known/acme-challenge/${token}`
    const { statusCode, body } = await request(url, { headers: { host: name } })
    const text = await body.text()
    if (statusCode === 200 && text === keyAuthorization) return null
    return { type: 'unauthorized', detail: `${statusCode}: ${text}` }
  } catch (error) {
    return { type: 'connection', detail: String(error) }
  }
}
