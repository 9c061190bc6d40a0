import type { Authority } from '../authority/authority.ts'
import type { Issuer } from './issuer.ts'

/** The bundled CA, `local`. */
export function localIssuer({ sign }: Pick<Authority, 'sign'>): Issuer {
  return {
    name: 'local',
    sign: async ({ csrPem, names, validityDays, at }) => ({
      state: 'signed',
      pem: await sign(csrPem, names, validityDays, at),
    }),
  }
}
