import { join } from 'node:path'
import { Command } from 'commander'
import { answersFolder } from '../../documents/answers-folder.ts'
import { answerFileOf, answerLifeMs, isKeyAuthorization } from '../../documents/challenge.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { readAnswer } from '../../host/file/answer-file.ts'
import { inheritedSocket } from '../../host/process/inherited-socket.ts'
import { type ChallengeSocket, serveChallenges } from '../../host/socket/serve-challenges.ts'
import { environment } from '../context.ts'

/** Without a request for this time one that systemd started ends, in milliseconds. */
const idleMs = 60_000

interface ResponderOptions {
  readonly folder: string
  readonly listen?: string
}

/** `waxseal acme-responder`: what answers a CA at port 80. */
export function acmeResponderCommand(): Command {
  return new Command('acme-responder')
    .description(
      'Answer the challenges of a CA at port 80 (http-01), where policy.acme.http is responder; waxseal-acme.socket starts it.',
    )
    .option('--folder <folder>', 'where the deployer puts the answers', answersFolder('/var/lib/waxseal'))
    .option('--listen <address:port>', 'listen here; without it on the socket that systemd passes')
    .addHelpText('after', '\nIt reads the answers, and nothing else: it needs no right but to read that folder.')
    .action(run)
}

async function run({ folder, listen }: ResponderOptions): Promise<void> {
  const passed = inheritedSocket(environment())
  const socket = listen === undefined ? passed : addressIn(listen)
  if (socket === null)
    throw new WaxsealError('USAGE_INVALID', {
      option: '--listen',
      reason: 'it is missing or no ADDRESS:PORT, and systemd has passed no socket',
    })
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
  await serveChallenges(socket, {
    find: async (token, host) => {
      const text = (await readAnswer(join(folder, answerFileOf(token, host)), answerLifeMs)) ?? ''
      return isKeyAuthorization(token, text) ? text : null
    },
    idleMs: listen === undefined ? idleMs : null,
    signal: stop.signal,
  })
}

function addressIn(text: string): ChallengeSocket | null {
  const [, host = '', port = ''] = /^\[?([0-9A-Fa-f.:]+?)\]?:(\d{1,5})$/.exec(text) ?? []
  return host === '' || Number(port) > 65_535 ? null : { host, port: Number(port) }
}
