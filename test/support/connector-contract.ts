import type { Test } from 'tap'
import type { Connector } from '../../src/connector/connector.ts'
import { contract } from '../../src/connector/registry/contract.ts'
import { parseMaterial } from '../../src/material/parse-material.ts'
import { makeAuthority } from './certificates.ts'

const authority = await (await makeAuthority()).intermediate()
/** A pair to plan with. */
export const material = await parseMaterial({
  ...(await authority.issue({ names: ['mail.example.net'] })),
  now: new Date(),
})

/** A test for each promise that every connector keeps, built-in or from outside. */
export async function keepsContract(t: Test, connector: Connector): Promise<void> {
  for (const { claim, breaches } of contract) {
    await t.test(claim, async (t) => {
      t.same(await breaches(connector, material), [])
    })
  }
}
