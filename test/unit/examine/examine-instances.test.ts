import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { InstanceConfig } from '../../../src/config/instances.ts'
import { builtInConnectors } from '../../../src/connector/registry/built-in.ts'
import { createRegistry } from '../../../src/connector/registry/registry.ts'
import { examineInstances } from '../../../src/examine/examine-instances.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'

t.test('check says of each instance whether it can be meant, and what to do', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-instances-')
  t.teardown(() => removeTree(dir))
  const [sound, open] = [join(dir, 'sound'), join(dir, 'open')]
  await makeFolder(sound)
  await makeFolder(open)
  await chmod(open, 0o777)
  const nothing = { config: null, socket: null, masterSocket: null, admin: null, run: null, paths: [] }
  const instances: readonly InstanceConfig[] = [
    { ...nothing, name: 'a', connector: 'postfix', config: sound },
    { ...nothing, name: 'b', connector: 'postfix', config: open },
    { ...nothing, name: 'c', connector: 'postfx' },
    { ...nothing, name: 'd', connector: 'cyrus', config: sound },
    { ...nothing, name: 'e', connector: 'postfix', config: join(dir, 'missing') },
    { ...nothing, name: 'f', connector: 'dovecot', run: ['/usr/bin/env', 'x'] },
    { ...nothing, name: 'g', connector: 'dovecot', run: [join(open, 'docker')] },
    { ...nothing, name: 'h', connector: 'haproxy', socket: join(dir, 'stopped/x.sock') },
  ]

  const found = await examineInstances({ instances, registry: createRegistry(builtInConnectors) })

  t.match(found, [
    { what: 'instance a', verdict: 'ok', detail: `postfix ${sound}` },
    { verdict: 'failed', detail: `chmod go-w ${open}` },
    { verdict: 'failed', detail: /no connector is called postfx; there are / },
    { verdict: 'failed', detail: /cyrus knows its default instance alone/ },
    { verdict: 'failed', detail: /ENOENT/ },
    { verdict: 'ok', detail: 'dovecot, by /usr/bin/env x' },
    { verdict: 'failed' },
    { verdict: 'ok' },
  ])
})
