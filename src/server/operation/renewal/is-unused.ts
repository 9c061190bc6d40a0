import type { Store } from '../../store/store.ts'

/** All the targets that it was made for have got other certificates: whoever asked for these does not want both in turn. */
export async function isUnused({ certificates }: Pick<Store, 'certificates'>, id: string): Promise<boolean> {
  return (await certificates.stillDeployedTo(id)).length === 0 && (await certificates.deployedTo(id)).length > 0
}
