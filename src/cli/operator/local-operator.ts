import { join } from 'node:path'
import pRetry from 'p-retry'
import { type Operator, openOperator } from '../../server/operator-client.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isFolder } from '../../host/file/private-folder.ts'
import { noSuchFile, readGiven } from '../read-given.ts'

/** Five seconds in all. */
const firstStartTries = 20
const firstStartPauseMs = 250

const hint = 'name the folder of a running control plane with --data-dir'

/**
 * The operator of the control plane whose data are in this folder; CONFIG_INVALID where there is none. One that has just been started
 * for the first time is waited for: its folder is there before its files are.
 */
export async function openLocalOperator(dataDir: string): Promise<Operator> {
  const readText = async (name: string): Promise<string> =>
    (await readGiven(join(dataDir, name), { hint })).toString('utf8').trim()
  const readAll = async (): Promise<Parameters<typeof openOperator>[0]> => ({
    url: await readText('url'),
    caPem: await readText('ca.pem'),
    operatorToken: await readText('operator-token'),
  })
  const mayAppear = await isFolder(dataDir)
  const access = await pRetry(readAll, {
    retries: firstStartTries,
    minTimeout: firstStartPauseMs,
    factor: 1,
    shouldRetry: ({ error }) => mayAppear && error instanceof WaxsealError && error.details['reason'] === noSuchFile,
  })
  return openOperator(access)
}
