/** Of the machines of this file; another file that runs beside it has another one. */
const network = `10.77.${process.env['TAP_JOB_ID'] ?? '0'}`

/** Of a machine, by its number. */
export function addressOf(number: number): string {
  return `${network}.${number}`
}

/** Of this machine, where it is at the switch. */
export const ownAddress = addressOf(254)
