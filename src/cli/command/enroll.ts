import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { stringify } from 'yaml'
import { defaultConfigFile, loadConfig } from '../../config/load-config.ts'
import { clientPairIn } from '../../control-plane/client-pair.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { readSnapshot, removeFile, siblingName } from '../../host/file/files.ts'
import { ensureFolder } from '../../host/file/folder/private-folder.ts'
import { readBounded } from '../../host/file/read-bounded.ts'
import { durableWrite } from '../../host/file/write/durable-write.ts'
import { hostFacts } from '../../host/host-facts.ts'
import { version } from '../../version.ts'
import { environment } from '../context.ts'
import { makeClientRequest } from '../control-plane/client-request.ts'
import { enrolledCaFile } from '../control-plane/connect.ts'
import {
  forgetPending,
  joinAsKnown,
  joinAsNew,
  type KnownAgent,
  type Meeting,
  pendingFor,
} from '../control-plane/join-control-plane.ts'
import { hostRoots, readCa } from '../control-plane/read-ca.ts'
import { print, printJson, printText } from '../print/print.ts'

interface EnrollOptions {
  readonly url: string
  readonly token?: string
  readonly tokenFile?: string
  readonly agentId?: string
  readonly keyFile?: string
  readonly caFile?: string
  readonly name?: string
  readonly config: string
  readonly credentialFile: string
  readonly clientCertificate?: true
  readonly force?: true
  readonly json?: true
}

/** `waxseal enroll`: registers this host and stores its credential. */
export function enrollCommand(): Command {
  return new Command('enroll')
    .description(
      'Register this host at a control plane with a one-time token, or take over an agent that its operator made, and store its credential.',
    )
    .requiredOption('--url <url>', 'the control plane: https://HOST:PORT')
    .option('--token <token>', 'the one-time token (others can see it in the process list: better --token-file)')
    .option('--token-file <file>', 'a file that holds the token')
    .option(
      '--agent-id <id>',
      'the agent that the operator of the control plane made for this host: nothing is registered',
    )
    .option(
      '--key-file <file>',
      'with --agent-id: a file that holds its API key; default: the credential that is there',
    )
    .option(
      '--ca-file <file>',
      'the CA of the control plane (PEM), kept beside the credential; without it the system’s roots',
    )
    .option('--name <name>', 'the name of this agent; default: control_plane.agent_name, else the host name')
    .option('--config <file>', 'where to write the configuration, or to look for it', defaultConfigFile)
    .option('--credential-file <file>', 'where to store the credential (0600)', '/etc/waxseal/credential')
    .option(
      '--client-certificate',
      'show a client certificate to the control plane in place of a credential that is sent; it is renewed by itself. A host that is enrolled goes over by control_plane.client_certificate',
    )
    .option('--force', 'replace a credential that is there')
    .option('--json', 'print one JSON document')
    .action(enroll)
}

async function enroll(options: EnrollOptions): Promise<void> {
  const credentialFile = resolve(options.credentialFile)
  const givenCaFile = options.caFile === undefined ? null : resolve(options.caFile)
  if (!options.url.startsWith('https://') || !URL.canParse(options.url))
    throw invalid('--url', 'it is not an https URL', 'Write it as https://HOST:PORT.')
  const ca = await readCa(givenCaFile, '--ca-file')
  const url = options.url.replace(/\/+$/, '')
  const meeting: Meeting = { url, ca: ca ?? hostRoots(), facts: hostFacts(version) }
  const { agentId, credential } = await becomeMember(options, meeting, credentialFile)
  await durableWrite(credentialFile, Buffer.from(`${credential}\n`))
  const caFile = ca === null ? null : await keepCa(ca, credentialFile)
  const block = {
    control_plane: {
      url,
      ...(caFile === null ? {} : { ca_file: caFile }),
      agent_id: agentId,
      credential_file: credentialFile,
    },
  }
  const isWritten = await writeConfig(resolve(options.config), stringify(block))
  await joinAsKnown(meeting, { agentId, credential })
  await forgetPending(pendingFileOf(credentialFile))
  if (options.json === true)
    return printJson({ agentId, credentialFile, config: resolve(options.config), configWritten: isWritten, ...block })
  if (options.clientCertificate === true && clientPairIn(credential) === null)
    print('This control plane issues no client certificates: the host has a credential that is sent.')
  print(`Enrolled as ${agentId}. The credential is in ${credentialFile}; a heartbeat with it was answered.`)
  if (isWritten) print(`The configuration is in ${options.config}.`)
  else
    printText(
      `${options.config} is there already. Put this into it, in place of its control_plane:\n\n${stringify(block)}`,
    )
  print(
    'Next: systemctl enable --now waxseal. A service that runs already needs nothing: it goes on by itself within seconds.',
  )
}

function pendingFileOf(credentialFile: string): string {
  return `${credentialFile}.pending`
}

/** As an agent that was made for this host, or as a new one. Nothing is stored but the registration. */
async function becomeMember(options: EnrollOptions, meeting: Meeting, credentialFile: string): Promise<KnownAgent> {
  const { agentId } = options
  if (agentId !== undefined) {
    if (options.clientCertificate === true)
      throw invalid(
        '--client-certificate',
        'it goes with a registration',
        'Leave out --agent-id, and give --token-file.',
      )
    const credential = await keyOf(options, credentialFile)
    await ensureWritable(credentialFile)
    await joinAsKnown(meeting, { agentId, credential })
    return { agentId, credential }
  }
  if (options.keyFile !== undefined)
    throw invalid('--key-file', 'it goes with --agent-id', 'Name the agent with --agent-id, or give --token-file.')
  const name = options.name ?? (await configuredName(options.config, meeting.url)) ?? meeting.facts.hostname
  const pendingFile = pendingFileOf(credentialFile)
  const isAnswered = (await pendingFor(pendingFile, meeting.url, name)) !== null
  if (options.force === true && isAnswered) await forgetPending(pendingFile)
  const isPending = isAnswered && options.force !== true
  if (!isPending) await requireFree(credentialFile, options)
  const token = await tokenOf(options)
  await ensureWritable(credentialFile)
  const made = options.clientCertificate === true ? makeClientRequest : undefined
  return joinAsNew(meeting, { token, name, pendingFile, makeClientRequest: made })
}

async function requireFree(credentialFile: string, { force, clientCertificate }: EnrollOptions): Promise<void> {
  if (force === true || (await readSnapshot(credentialFile)) === null) return
  const hint =
    clientCertificate === true
      ? 'This host is enrolled. To have it go over by the credential that it has, write client_certificate: true below control_plane: in its configuration, and start the service again.'
      : 'This host is enrolled; --force enrolls it again.'
  throw invalid('--credential-file', `${credentialFile} is there already`, hint)
}

/** Of the file that is named, else the credential that is there. */
async function keyOf(options: EnrollOptions, credentialFile: string): Promise<string> {
  const { keyFile } = options
  const path = keyFile === undefined ? '--credential-file' : '--key-file'
  const text = await readToken(keyFile ?? credentialFile)
  if (text === null)
    throw invalid(path, 'there is no key', 'Name a file that holds the API key of the agent with --key-file.')
  const key = text.trim()
  if (!/^[\x21-\x7e]+$/.test(key))
    throw invalid(path, 'it is not one line of printable characters', 'Put the key alone into it.')
  const isThere = await readToken(credentialFile)
  if (isThere?.trim() !== key) await requireFree(credentialFile, options)
  return key
}

/** `control_plane.agent_name` of the environment or a configuration that is there, which need not name a URL yet. */
async function configuredName(file: string, url: string): Promise<string | null> {
  const isThere = (await readSnapshot(resolve(file))) !== null
  const env = { ...environment(), WAXSEAL_SERVER_URL: url }
  return (await loadConfig({ file: isThere ? file : null, env })).controlPlane?.agentName ?? null
}

async function tokenOf({ token, tokenFile }: EnrollOptions): Promise<string> {
  const path = token === undefined ? '--token-file' : '--token'
  const text = token ?? (await readToken(tokenFile))
  if (text === null) throw invalid(path, 'there is no token', 'Name a file that holds it, or give --token.')
  // A file that `waxseal control-plane token` was written into has its whole line.
  const word = text.trim().replace(/^token=/, '')
  if (/^[\x21-\x7e]+$/.test(word)) return word
  throw invalid(path, 'it is not a token', 'Give what waxseal control-plane token printed.')
}

async function readToken(file: string | undefined): Promise<string | null> {
  const bytes = file === undefined ? null : await readBounded(file, 4096).catch(() => null)
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}

/** A token is good for one registration: what cannot be stored must not spend it. */
async function ensureWritable(file: string): Promise<void> {
  try {
    await ensureFolder(dirname(file))
    const trial = siblingName(file, 'new')
    await durableWrite(trial, Buffer.of())
    await removeFile(trial)
  } catch (error) {
    throw invalid('--credential-file', (error as Error).message, 'Run it as root, or name a file that can be written.')
  }
}

/** Beside the credential: the service sees no home folders, which is where the given file may be. */
async function keepCa(ca: string, credentialFile: string): Promise<string> {
  const file = enrolledCaFile(credentialFile)
  await durableWrite(file, Buffer.from(ca), 0o644)
  return file
}

async function writeConfig(file: string, text: string): Promise<boolean> {
  if ((await readSnapshot(file)) !== null) return false
  await ensureFolder(dirname(file))
  await durableWrite(file, Buffer.from(text), 0o644)
  return true
}

function invalid(path: string, reason: string, hint: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', { path, reason, hint })
}
