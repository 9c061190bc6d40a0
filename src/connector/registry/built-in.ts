import { apache } from '../apache/apache.ts'
import { caddy } from '../caddy/caddy.ts'
import type { Connector } from '../connector.ts'
import { cyrus } from '../cyrus/cyrus.ts'
import { dovecot } from '../dovecot/dovecot.ts'
import { envoy } from '../envoy/envoy.ts'
import { exim } from '../exim/exim.ts'
import { files } from '../files/files.ts'
import { haproxy } from '../haproxy/haproxy.ts'
import { nginx } from '../nginx/nginx.ts'
import { opensmtpd } from '../opensmtpd/opensmtpd.ts'
import { postfix } from '../postfix/postfix.ts'
import { traefik } from '../traefik/traefik.ts'

/** The connectors that come with Waxseal: a folder and a row each. */
export const builtInConnectors = [
  apache,
  caddy,
  cyrus,
  dovecot,
  envoy,
  exim,
  files,
  haproxy,
  nginx,
  opensmtpd,
  postfix,
  traefik,
] as readonly Connector[]
