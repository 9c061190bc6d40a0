import { writeFile } from 'node:fs/promises'
import { builtInConnectors } from '../src/connector/built-in.ts'
import type { Connector } from '../src/connector/connector.ts'

interface Field {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Field>>
}

const introduction = `# Connectors

A connector knows one kind of daemon. A job's target names it by its type, \`waxseal deploy\` by \`--connector\`. Unknown fields are
refused, and so are paths, commands and addresses that the policy of the host does not allow. Durations are strings (\`"2s"\`,
\`"500ms"\`) or integers in nanoseconds; modes are octal strings (\`"0640"\`) or decimal integers (416).

This page is written by \`npm run docs\` from the schemas that targets are checked against.
`

/** The text of `docs/connectors.md`. */
export function connectorReference(connectors: readonly Connector[]): string {
  return [introduction, ...connectors.map(section)].join('\n')
}

function section({ name, aliases, description, schema, example, standardCommands }: Connector): string {
  const types = aliases.map((alias) => `\`${alias}\``).join(', ')
  const commands = standardCommands.map((command) => `\`${command.join(' ')}\``).join(', ')
  return `## ${name}

${description} Type: ${types}. Allowed without a line in the policy: ${commands}.

    ${JSON.stringify(example)}

| field | |
|---|---|
${rows(schema, '').join('\n')}
`
}

function rows({ properties = {} }: Field, prefix: string): readonly string[] {
  return Object.entries(properties).flatMap(([name, field]) => [
    `| \`${prefix}${name}\` | ${(field.description ?? '').replaceAll('|', '\\|')} |`,
    ...rows(field, `${prefix}${name}.`),
  ])
}

if (import.meta.main) await writeFile(new URL('connectors.md', import.meta.url), connectorReference(builtInConnectors))
