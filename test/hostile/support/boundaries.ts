import { config } from './boundary/config.ts'
import { dnsAnswers, dnsChanges } from './boundary/dns.ts'
import { answered, asked } from './boundary/halves.ts'
import { der, pairsTaken, pem } from './boundary/material.ts'
import { signedOrders } from './boundary/orders.ts'
import { dialogs, locals, servers } from './boundary/peers.ts'
import { settings } from './boundary/settings.ts'
import { documents, history } from './boundary/state.ts'
import { httpsAnswers, workItems } from './boundary/wire.ts'
import type { Boundary } from './fuzz.ts'

/** Each place where something comes in from outside. */
export const boundaries: readonly Boundary[] = [
  workItems,
  httpsAnswers,
  asked,
  answered,
  documents,
  history,
  config,
  pem,
  pairsTaken,
  der,
  signedOrders,
  settings,
  dialogs,
  servers,
  locals,
  dnsAnswers,
  dnsChanges,
]
