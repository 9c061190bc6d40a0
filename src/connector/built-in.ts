import type { Connector } from './connector.ts'
import { cyrus } from './cyrus/cyrus.ts'
import { dovecot } from './dovecot/dovecot.ts'
import { exim } from './exim/exim.ts'
import { opensmtpd } from './opensmtpd/opensmtpd.ts'
import { postfix } from './postfix/postfix.ts'

/** The connectors that come with Waxseal: a folder and a row each. */
export const builtInConnectors = [cyrus, dovecot, exim, opensmtpd, postfix] as readonly Connector[]
