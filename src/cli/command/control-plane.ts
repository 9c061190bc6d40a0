import { Command } from 'commander'
import { answer, commandOn, type OperatorOptions, withOperator } from '../operator/ask-operator.ts'
import { auditCommand } from '../operator/audit.ts'
import { caCommand } from '../operator/ca.ts'
import { certificateCommands } from '../operator/certificates.ts'
import { daneCommand } from '../operator/dane.ts'
import { discoveredCommands } from '../operator/discovered.ts'
import { keepCommands } from '../operator/keep.ts'
import { labelCommand } from '../operator/labels.ts'
import { listCommand } from '../operator/lists.ts'
import { lookCommand } from '../operator/look.ts'
import { matterCommands } from '../operator/matters.ts'
import { orderCommands } from '../operator/orders.ts'
import { peopleCommands } from '../operator/people.ts'
import { type PolicyOptions, policyIn, withPolicy } from '../operator/policy.ts'
import { readJson } from '../operator/read-json.ts'
import { rolloutCommands } from '../operator/rollouts.ts'
import { serveCommand } from '../operator/serve.ts'
import { type ValidityOptions, validityIn, withValidity } from '../operator/validity.ts'
import { windowCommands } from '../operator/windows.ts'

const jobStates = ['Pending', 'AwaitingCSR', 'Running', 'Completed', 'Failed', 'Cancelled'] as const

/** `waxseal control-plane`: the bundled control plane, and the operator's commands for it. */
export function controlPlaneCommand(): Command {
  const command = new Command('control-plane').description(
    'The bundled control plane: it issues, renews and deploys certificates, and shows what became of them.',
  )
  command.addCommand(serveCommand())
  command.addCommand(caCommand())
  for (const one of keepCommands()) command.addCommand(one)
  for (const one of peopleCommands()) command.addCommand(one)
  command.addCommand(listCommand('agents', 'List the agents.', { isByLabel: true, status: ['active', 'retired'] }))
  command.addCommand(labelCommand())
  command.addCommand(
    listCommand('targets', 'List the targets, what is due for renewal, and what drifts.', {
      isByLabel: true,
      isOfAgent: true,
    }),
  )
  for (const one of certificateCommands()) command.addCommand(one)
  for (const one of discoveredCommands()) command.addCommand(one)
  command.addCommand(
    listCommand('jobs', 'List the jobs, newest first.', { isOfAgent: true, isOfTarget: true, status: jobStates }),
  )
  for (const one of rolloutCommands()) command.addCommand(one)
  for (const one of windowCommands()) command.addCommand(one)
  for (const one of matterCommands()) command.addCommand(one)
  command.addCommand(lookCommand())
  command.addCommand(auditCommand())
  command.addCommand(jobCommand())
  command.addCommand(addTargetCommand())
  for (const one of orderCommands()) command.addCommand(one)
  command.addCommand(daneCommand())
  command.addCommand(requestCommand())
  command.addCommand(deployCommand())
  command.addCommand(validateCommand())
  command.addCommand(takeBackCommand())
  command.addCommand(cancelCommand())
  command.addCommand(endCommand())
  command.addCommand(retireCommand())
  return command
}

function jobCommand(): Command {
  return withOperator(new Command('job'))
    .description('Show one job with its outcome.')
    .argument('<id>', 'id of the job')
    .action((id: string, options: OperatorOptions) =>
      answer({ ...options, json: true }, (operator) => operator.job(id)),
    )
}

function addTargetCommand(): Command {
  return withOperator(new Command('add-target'))
    .description('Add a target: a daemon of an agent that is to get certificates.')
    .requiredOption('--name <name>', 'what you call it')
    .requiredOption('--agent <agent>', 'id or name of the agent')
    .requiredOption('--type <type>', 'the connector, such as Postfix, Dovecot or NGINX (docs/connectors.md)')
    .requiredOption('--target-config <file>', 'target configuration (JSON): the fields of the connector')
    .option('--replace', 'change the target of this name, where there is one')
    .option(
      '--unchecked',
      'take a type or fields that are not known here: of a connector from outside, or a newer agent',
    )
    .action(
      (
        options: OperatorOptions & {
          readonly name: string
          readonly agent: string
          readonly type: string
          readonly targetConfig: string
          readonly replace?: true
          readonly unchecked?: true
        },
      ) =>
        answer(options, async (operator) => {
          const config = await readJson(options.targetConfig, 'name a readable file with --target-config')
          const { name, agent, type, replace = false, unchecked = false } = options
          return { id: await operator.addTarget({ name, agent_id: agent, type, config, replace, unchecked }) }
        }),
    )
}

function requestCommand(): Command {
  return withValidity(withPolicy(withOperator(new Command('request'))))
    .description('Have an agent make a key and request a certificate, and deploy it when it is signed.')
    .requiredOption('--agent <agent>', 'id or name of the agent')
    .requiredOption('--cn <name>', 'common name')
    .option('--san <name...>', 'further names', [])
    .option('--deploy-to <target...>', 'targets that it is deployed to, by id or name', [])
    .action(
      (
        options: OperatorOptions &
          PolicyOptions &
          ValidityOptions & {
            readonly agent: string
            readonly cn: string
            readonly san: string[]
            readonly deployTo: string[]
          },
      ) =>
        answer(options, (operator) =>
          operator.requestCertificate({
            agent_id: options.agent,
            common_name: options.cn,
            sans: options.san,
            deploy_to: options.deployTo,
            validity_days: validityIn(options),
            ...policyIn(options),
          }),
        ),
    )
}

function deployCommand(): Command {
  return withOperator(new Command('deploy'))
    .description('Deploy the newest version of a certificate to a target.')
    .requiredOption('--certificate <certificate>', 'id, or common name where only one has it')
    .requiredOption('--target <target>', 'id or name of the target')
    .action((options: OperatorOptions & { readonly certificate: string; readonly target: string }) =>
      answer(options, async (operator) => ({ job_id: await operator.deploy(options.certificate, options.target) })),
    )
}

function validateCommand(): Command {
  return commandOn(
    'validate',
    'Have a target compared with what was deployed to it.',
    ['<target>', 'id or name'],
    async (operator, target) => ({ job_id: await operator.validate(target) }),
  )
}

function takeBackCommand(): Command {
  return withOperator(new Command('take-back'))
    .description('Have a target go back to a pair that was live on it, from the record of its own host.')
    .argument('<target>', 'id or name')
    .option('--certificate <certificate>', 'the one to go back to, by id or name; without it the one before the newest')
    .action((target: string, options: OperatorOptions & { readonly certificate?: string }) =>
      answer(options, async (operator) => ({ job_id: await operator.takeBack(target, options.certificate) })),
    )
}

function cancelCommand(): Command {
  return commandOn(
    'cancel',
    'Cancel a job. If an agent has it already, the agent is asked to cancel it.',
    ['<id>', 'id of the job'],
    async (operator, id) => ({ job_id: id, status: await operator.cancel(id) }),
  )
}

function endCommand(): Command {
  return commandOn(
    'end',
    'End a job as Failed: its host is gone for good, or has not answered within five minutes of cancel. If its result comes later, that counts.',
    ['<id>', 'id of the job'],
    async (operator, id) => {
      await operator.end(id)
      return { job_id: id, status: 'Failed' }
    },
  )
}

function retireCommand(): Command {
  return commandOn(
    'retire',
    'Retire an agent: it finishes what it has begun, reports it and ends. What it does not finish is ended for it.',
    ['<agent>', 'id or name'],
    async (operator, agent) => {
      await operator.retire(agent)
      return { agent, status: 'retired' }
    },
  )
}
