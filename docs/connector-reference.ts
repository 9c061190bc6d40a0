import { writeFile } from 'node:fs/promises'
import type { Connector } from '../src/connector/connector.ts'
import { pairFields, serviceFields } from '../src/connector/planner/target-schema.ts'
import { builtInConnectors } from '../src/connector/registry/built-in.ts'
import { openTrial } from '../src/connector/registry/trial.ts'
import type { Certificate } from '../src/material/material.ts'

interface Field {
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Field>>
  readonly items?: object
}

type Fields = Readonly<Record<string, Field>>

const introduction = `# Connectors

A connector knows one kind of daemon. A job's target names it by its type, \`waxseal deploy\` by \`--connector\`, each in any case.

| connector | type in a job | must be given | |
|---|---|---|---|`

const conventions = `
Unknown fields are refused, and so are paths, commands and addresses that the policy of the host does not allow. Durations are strings
(\`"2s"\`, \`"500ms"\`) or integers in nanoseconds; modes are octal strings (\`"0640"\`) or decimal integers (416). A command is one line, split at
spaces; no shell runs it, and shell metacharacters are refused. What begins with \`waxseal:\` is carried out by Waxseal itself.

For another daemon: [adding-a-connector.md](adding-a-connector.md). This page is written by \`npm run docs\` from the schemas that targets are
checked against.
`

/** Fields that several connectors share, told once. */
const groups = [
  {
    title: 'Fields of every connector',
    link: '[of every connector](#fields-of-every-connector)',
    text: 'What is run, what is kept, what is verified.',
    fields: serviceFields as Fields,
  },
  {
    title: 'Fields of a pair',
    link: '[of a pair](#fields-of-a-pair)',
    text: 'A certificate file, a key file and, where it is asked for, a chain file.',
    fields: without(pairFields, serviceFields),
  },
] as const

/** The text of `docs/connectors.md`. */
export async function connectorReference(connectors: readonly Connector[]): Promise<string> {
  const shared = groups.map(({ title, text, fields }) => `\n## ${title}\n\n${text}\n\n${table({ properties: fields })}`)
  const sections = await Promise.all(connectors.map(section))
  return `${[introduction, ...connectors.map(indexRow), conventions.trimEnd(), ...shared, ...sections].join('\n')}\n`
}

function indexRow({ name, aliases, description, schema }: Connector): string {
  const required = (schema as Field).required ?? []
  return `| [${name}](#${name}) | ${codes(aliases)} | ${codes(required)} | ${description} |`
}

async function section(connector: Connector): Promise<string> {
  const { name, description, schema, example, standardCommands } = connector
  const { properties = {}, required = [] } = schema as Field
  const held = groups.filter(({ fields }) => Object.entries(fields).every(([field, one]) => properties[field] === one))
  const own = held.reduce((left, { fields }) => without(left, fields), properties)
  const links = held.toReversed().map(({ link }) => link)
  const commands = standardCommands.map((command) => `- \`${command.join(' ')}\``)
  const rest =
    links.length === 0
      ? ''
      : `Its fields ${Object.keys(own).length === 0 ? 'are' : 'are, beside these,'} those ${links.join(' and those ')}.`
  return [
    `\n## ${name}\n\n${description}\n`,
    `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\`\n`,
    `${await leftOut(connector)}\n`,
    ...(Object.keys(own).length === 0 ? [] : [`${table({ properties: own, required })}\n`]),
    ...(rest === '' ? [] : [`${rest}\n`]),
    commands.length === 0
      ? 'None of its commands is allowed without a line in `policy.commands`.'
      : `Allowed without a line in \`policy.commands\`:\n\n${commands.join('\n')}`,
  ].join('\n')
}

/** Of these nothing is printed: a plan is asked only for what is in it of the connector. */
const leaf = { pem: '', names: ['mail.example.net'], keyType: 'ecdsa' } as unknown as Certificate

/** What becomes of a target that has nothing but what must be given: the defaults, as its plan has them. */
async function leftOut(connector: Connector): Promise<string> {
  const { required = [] } = connector.schema as Field
  const { example, plan } = openTrial(connector, { leaf, chain: [], keyPem: '' })
  const given = Object.fromEntries(required.map((name) => [name, example[name]]))
  const { files, check, activate } = await plan(given)
  const written = files.map(({ path, role, mode, fresh }) => {
    const bits = mode === 'keep' ? fresh?.mode : mode
    return `\`${path}\` (${role}${bits === undefined ? '' : `, 0${bits.toString(8)}`})`
  })
  const run = [...(check === null ? [] : [check]), ...activate].map((command) => `\`${command.join(' ')}\``)
  const fields = required.length === 0 ? 'no field set' : `${required.map((name) => `\`${name}\``).join(' and ')} alone`
  return `With ${fields}, it writes ${written.join(', ')}; then ${run.length === 0 ? 'nothing is run' : run.join(', ')}.`
}

function table(schema: Field): string {
  return ['| field | |', '|---|---|', ...rows(schema, '')].join('\n')
}

/** A row per field, with the fields inside of it below: `post_deploy_verify.enabled`, `files[].path`. */
function rows({ properties = {}, required = [] }: Field, prefix: string): readonly string[] {
  return Object.entries(properties).flatMap(([name, field]) => [
    `| \`${prefix}${name}\` | ${required.includes(name) ? '**Required.** ' : ''}${(field.description ?? '').replaceAll('|', '\\|')} |`,
    ...rows(field, `${prefix}${name}.`),
    ...rows((field.items ?? {}) as Field, `${prefix}${name}[].`),
  ])
}

function without(fields: Fields, others: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !(name in others)))
}

function codes(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ')
}

if (import.meta.main)
  await writeFile(new URL('connectors.md', import.meta.url), await connectorReference(builtInConnectors))
