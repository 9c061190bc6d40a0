import t from 'tap'
import { freePorts } from '../../../../src/host/file/plain-files.ts'

t.test('no port is handed out twice: who got one may not listen yet', async (t) => {
  const ports: number[] = []
  for (let round = 0; round < 200; round += 1) ports.push(...(await freePorts(10)))

  t.equal(new Set(ports).size, 2000)
})
