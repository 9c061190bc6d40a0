import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readHostTargets } from '../../../../src/config/host-targets.ts'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import type { Boundary } from '../fuzz.ts'
import { mutateText } from '../mutate.ts'

const yaml = `control_plane:
  url: https://certs.example.net:8443
  agent_id: agent-1
poll_interval: 30s
status:
  listen: 127.0.0.1:9780
policy:
  roots: [/etc/postfix, /etc/dovecot]
  commands: ["systemctl reload postfix"]
  names: &names ["*.example.net"]
  probes: ["mail.example.net", "192.0.2.0/24"]
instances:
  out: { connector: postfix, config: /etc/postfix-out }
`
const target = 'connector: postfix\ntarget_id: t1\ncert_path: /etc/postfix/cert.pem\nkey_path: *x\n'

/** The host's own files: an administrator's slip is told, never met. */
export const config: Boundary = {
  name: 'configuration and targets of the host',
  share: 300,
  open: async () => {
    const dir = await makeTemporaryFolder('waxseal-fuzz-')
    const file = join(dir, 'waxseal.yaml')
    await makeFolder(join(dir, 'targets'))
    return {
      take: async (random) => {
        await writeFile(file, mutateText(yaml, random), { mode: 0o600 })
        await writeFile(join(dir, 'targets/a.yaml'), mutateText(target, random), { mode: 0o600 })
        await readHostTargets(join(dir, 'targets'))
        return loadConfig({ file, env: {} })
      },
      close: () => removeTree(dir),
    }
  },
}
