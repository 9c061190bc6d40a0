import type { Connector } from './connector.ts'
import { dovecot } from './dovecot/dovecot.ts'
import { postfix } from './postfix/postfix.ts'

/** The connectors that come with Waxseal: a folder and a row each. */
export const builtInConnectors = [dovecot, postfix] as readonly Connector[]
