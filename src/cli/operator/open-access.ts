import { join, resolve } from 'node:path'
import pRetry from 'p-retry'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isFolder } from '../../host/file/folder/private-folder.ts'
import { type Operator, openOperator } from '../../server/client/operator-client.ts'
import { noSuchFile, readGiven } from '../read-given.ts'

/** Five seconds in all. */
const firstStartTries = 20
const firstStartPauseMs = 250

const httpsHint = 'write it as https://HOST:PORT'
const localHint = 'name the folder of a running control plane with --data-dir'
const remoteHint =
  'with --url, name the CA of the control plane with --ca-file, and a file with your token with --token-file'

/** The control plane that an operator speaks to, and as whom: what is not named is in its data directory. */
export interface OperatorAccess {
  readonly dataDir: string
  readonly url?: string
  readonly caFile?: string
  readonly tokenFile?: string
}

/**
 * The operator of the control plane that is named; CONFIG_INVALID where there is none. One that has just been started for the first
 * time is waited for: its folder is there before its files are.
 */
export async function openAccess({ dataDir, url, caFile, tokenFile }: OperatorAccess): Promise<Operator> {
  if (url !== undefined && !(url.startsWith('https://') && URL.canParse(url)))
    throw new WaxsealError('CONFIG_INVALID', { option: '--url', reason: 'it is not an https URL', hint: httpsHint })
  const folder = resolve(dataDir)
  const textOf = (name: string): Promise<string> =>
    readText(join(folder, name), url === undefined ? localHint : remoteHint)
  const readAll = async (): Promise<Parameters<typeof openOperator>[0]> => ({
    url: url ?? (await textOf('url')),
    caPem:
      caFile === undefined
        ? await textOf('ca.pem')
        : await readText(resolve(caFile), 'name the CA of the control plane'),
    operatorToken:
      tokenFile === undefined
        ? await textOf('operator-token')
        : await readText(resolve(tokenFile), 'name a file with your token'),
  })
  const mayAppear = await isFolder(folder)
  const access = await pRetry(readAll, {
    retries: firstStartTries,
    minTimeout: firstStartPauseMs,
    factor: 1,
    shouldRetry: ({ error }) => mayAppear && error instanceof WaxsealError && error.details['reason'] === noSuchFile,
  })
  return openOperator(access)
}

async function readText(file: string, howToName: string): Promise<string> {
  return (await readGiven(file, { hint: howToName })).toString('utf8').trim()
}
