import { runCommand } from '../host/process/command.ts'

const timeoutMs = 10_000
const mostDomains = 50
const settings = ['mydestination', 'virtual_mailbox_domains', 'virtual_alias_domains', 'relay_domains'] as const
const name = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/

/** Domains that Postfix's settings list by name; those in tables are not looked up. None: there is no Postfix. */
export async function mailDomains(): Promise<readonly string[]> {
  const { exitCode, stdout } = await runCommand(['postconf', '-xh', ...settings], { timeoutMs })
  return exitCode === 0 ? domainsIn(stdout) : []
}

/** The names of domains in what postconf prints, a bounded number. */
export function domainsIn(text: string): readonly string[] {
  const words = text.toLowerCase().split(/[\s,]+/)
  const domains = words.filter(
    (word) => name.test(word) && word.length <= 253 && !/(^|\.)(localhost|localdomain|invalid)(\.|$)/.test(word),
  )
  return [...new Set(domains)].slice(0, mostDomains)
}
