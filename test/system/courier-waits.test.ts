import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../packaging/root.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { isRoot } from '../../src/host/host-facts.ts'
import { builtProgram } from '../support/built-program.ts'
import { startProcess } from '../support/process.ts'

const asNobody = 'mount --bind "$0" /mnt && cd /mnt && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'

t.test(
  'once the host is enrolled, a courier that may not read the credential is started again: systemd hands it over',
  { skip: isRoot() ? false : 'needs root, to be another user' },
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-courier-waits-')
    t.teardown(() => removeTree(dir))
    await chmod(dir, 0o755)
    // As systemd has it where the host is not enrolled at the start.
    await mkdir(join(dir, 'credentials'), { mode: 0o755 })
    await writeFile(join(dir, 'credentials/waxseal-credential'), '\n', { mode: 0o644 })
    const config = join(dir, 'waxseal.yaml')
    const common = { state_dir: join(dir, 'state'), status: { listen: 'off' }, drift_watch: 'off' }
    await writeFile(config, JSON.stringify(common), { mode: 0o644 })
    const [node, program] = [process.execPath, builtProgram].map((path) => path.replace(`${root}/`, '/mnt/'))
    const env = ['env', '-i', `PATH=${process.env['PATH'] ?? ''}`, `CREDENTIALS_DIRECTORY=${join(dir, 'credentials')}`]
    const options = ['--config', config, '--deployer', join(dir, 'deploy.sock')]
    const courier = startProcess([
      'unshare',
      '--mount',
      'sh',
      '-c',
      asNobody,
      root,
      ...env,
      node ?? '',
      program ?? '',
      'courier',
      ...options,
    ])
    t.teardown(() => courier.kill('SIGKILL'))
    await courier.waitFor(({ msg }) => String(msg).startsWith('no control plane is configured'))

    const credentialFile = join(dir, 'credential')
    await writeFile(credentialFile, 'wxa_secret\n', { mode: 0o600 })
    const controlPlane = { url: 'https://127.0.0.1:1', agent_id: 'agent-1', credential_file: credentialFile }
    await writeFile(config, JSON.stringify({ ...common, control_plane: controlPlane }), { mode: 0o644 })

    t.equal(await courier.exited, 75)
    t.ok(courier.lines.some(({ msg }) => String(msg).startsWith('the credential is there now')))
  },
)
