import type { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isSignedOrder, type SignedOrder } from '../../order/signed-order.ts'
import { commandOn } from './ask-operator.ts'
import { listCommand } from './lists.ts'
import { readJson } from './read-json.ts'
import { signCommand } from './sign.ts'

/** The commands about standing orders: what is to be signed, its signature on another machine, and the way back. */
export function orderCommands(): readonly Command[] {
  return [
    orderCommand(),
    signCommand(),
    addOrderCommand(),
    listCommand('orders', 'List the standing orders, by target.', {}),
  ]
}

function orderCommand(): Command {
  return commandOn(
    'order',
    'Print what is to be signed as the standing order for a target (JSON). Read it before you sign it: it is what this control plane says.',
    ['<target>', 'id or name'],
    (operator, target) => operator.draftOrder(target),
    { isJson: true },
  )
}

function addOrderCommand(): Command {
  return commandOn(
    'add-order',
    'Hand a signed order to the control plane, which sends it to the host of its target with each job.',
    ['<file>', 'what sign has written'],
    async (operator, file) => operator.addOrder(await readSignedFile(file)),
  )
}

async function readSignedFile(file: string): Promise<SignedOrder> {
  const document = await readJson(file, 'name the file that sign has written')
  if (isSignedOrder(document)) return document
  const hint = 'name the file that sign has written, not the one that was signed'
  throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is no signed order', hint })
}
