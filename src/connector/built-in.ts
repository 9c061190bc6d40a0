import { apache } from './apache/apache.ts'
import { caddy } from './caddy/caddy.ts'
import type { Connector } from './connector.ts'
import { dovecot } from './dovecot/dovecot.ts'
import { envoy } from './envoy/envoy.ts'
import { haproxy } from './haproxy/haproxy.ts'
import { nginx } from './nginx/nginx.ts'
import { postfix } from './postfix/postfix.ts'
import { traefik } from './traefik/traefik.ts'

/** The connectors that come with Waxseal: a folder and a row each. */
export const builtInConnectors = [
  apache,
  caddy,
  dovecot,
  envoy,
  haproxy,
  nginx,
  postfix,
  traefik,
] as readonly Connector[]
