import { generateKeyPairSync } from 'node:crypto'
import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isCode } from '../../host/file/files.ts'
import { durableNew, durableReplace } from '../../host/file/write/durable-write.ts'
import { orderKeyOf } from '../../order/order-key.ts'
import { signOrder } from '../../order/signed-order.ts'
import { asOrder, type StandingOrder } from '../../order/standing-order.ts'
import { print, printJson } from '../print/print.ts'
import { readGiven } from '../read-given.ts'
import { timeIn, wholeNumber } from './ask-operator.ts'
import { readJson } from './read-json.ts'

const dayS = 86_400
const usualS = 365 * dayS
const lifetimeS = timeIn('hd', { leastS: 3600, mostS: 3660 * dayS, what: 'a time from 1h to 3660d, such as 90d' })

interface SignOptions {
  readonly key?: string
  readonly newKey?: string
  readonly out?: string
  readonly for?: number
  readonly sequence?: number
  readonly json?: true
}

/** `waxseal control-plane sign`: asks no server and no data directory, so that it works on a machine without a network. */
export function signCommand(): Command {
  return new Command('sign')
    .description('Sign a standing order, without a server and without a network; or make the key for that.')
    .argument('[file]', 'what order has printed (JSON)')
    .option('--key <file>', 'the private key (PEM)')
    .option('--out <file>', 'where the signed order goes (default: FILE.signed)')
    .option(
      '--for <time>',
      'how long it is valid, where the file does not say it: 90d, 365d (default: 365d)',
      lifetimeS,
    )
    .option(
      '--sequence <number>',
      'above all that were signed for the target before (default: seconds since 1970)',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--new-key <file>', 'make a key in this file, which must not exist, and print what hosts pin')
    .option('--json', 'print JSON')
    .action(async (file: string | undefined, options: SignOptions) => {
      if (options.newKey !== undefined) return makeKey(options.newKey, options)
      if (file === undefined || options.key === undefined)
        throw usage('a file and a key are missing', 'sign FILE --key KEY, or sign --new-key KEY')
      return sign(file, options.key, options)
    })
}

function usage(reason: string, hint: string): WaxsealError {
  return new WaxsealError('USAGE_INVALID', { reason, hint })
}

async function makeKey(file: string, { json }: SignOptions): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const bytes = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await durableNew(file, bytes).catch((error: Error) => {
    if (!isCode(error, 'EEXIST')) throw new WaxsealError('CONFIG_INVALID', { file, reason: error.message })
    const hint = 'name a file that is not there: a key that orders were signed with is not replaced'
    throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is there already', hint })
  })
  const { id, spki } = orderKeyOf(privateKey)
  if (json === true) return printJson({ file, key: id, spki })
  print(
    `The private key is in ${file}. Keep it, and a copy of it, where no control plane can reach it.`,
    `Its public key has the SHA-256 ${id}.`,
    'What a host that takes its orders alone has in /etc/waxseal/waxseal.yaml:',
    '',
    'policy:',
    '  orders:',
    `    keys: [${spki}]`,
    '    host: THE-NAME-OF-THE-HOST-IN-ITS-ORDERS',
  )
}

async function sign(file: string, keyFile: string, options: SignOptions): Promise<void> {
  const draft = await readJson(file, 'name what waxseal control-plane order has printed')
  const order = asOrder({
    ...usual(options),
    ...draft,
    ...(options.sequence === undefined ? {} : { sequence: options.sequence }),
  })
  const keyPem = (await readGiven(keyFile, { hint: 'name the private key with --key' })).toString('latin1')
  const signed = signOrder(order, keyPem)
  const out = options.out ?? `${file}.signed`
  await durableReplace(out, Buffer.from(`${JSON.stringify(signed)}\n`), 0o644)
  if (options.json === true) return printJson({ file: out, key: signed.key, order })
  print(...inWords(order), '', `Signed with the key ${signed.key}.`, `${out} is for: waxseal control-plane add-order`)
}

/** What the file does not say. */
function usual({ for: seconds = usualS }: SignOptions): Partial<StandingOrder> {
  const now = Math.floor(Date.now() / 1000)
  return { sequence: now, not_before: timeAt(now), not_after: timeAt(now + seconds) }
}

function timeAt(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** What is signed, for the one who signs it. */
function inWords({ host, target, names, issuer, sequence, not_before, not_after }: StandingOrder): readonly string[] {
  const above =
    'any' in issuer
      ? ['of ANY ISSUER that the policy of the host takes']
      : ['with one of these public keys (SHA-256) above them:', ...issuer.spki_sha256.map((digest) => `    ${digest}`)]
  return [
    `The host ${host} is allowed to make keys, and to deploy certificates`,
    `  for these names: ${names.join(' ')}`,
    ...above.map((line) => `  ${line}`),
    `  onto the target ${target.name} (${target.type}, id ${target.id})`,
    `  from ${not_before} to ${not_after}, sequence ${sequence}.`,
    'The configuration of the target:',
    ...Object.entries(target.config).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
  ]
}
