import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readCredential } from '../../../src/config/credential.ts'
import { describeError, WaxsealError } from '../../../src/error/waxseal-error.ts'

t.test('the environment wins over the systemd credential, and that over the file', async (t) => {
  const { file, systemd } = await site(t)
  await write(file, 'from-file\n')
  await write(join(systemd, 'waxseal-credential'), 'from-systemd\n')
  const CREDENTIALS_DIRECTORY = systemd

  t.equal(await read(file, {}), 'from-file')
  t.equal(await read(file, { CREDENTIALS_DIRECTORY }), 'from-systemd')
  t.equal(await read(file, { CREDENTIALS_DIRECTORY, CERTCTL_API_KEY: 'from-certctl' }), 'from-certctl')
  t.equal(await read(file, { CERTCTL_API_KEY: 'from-certctl', WAXSEAL_API_KEY: 'from-env' }), 'from-env')
})

t.test('an empty variable, and a systemd folder without our credential, are passed over', async (t) => {
  const { file, systemd } = await site(t)
  await write(file, 'from-file')

  t.equal(await read(file, { WAXSEAL_API_KEY: '', CERTCTL_API_KEY: '', CREDENTIALS_DIRECTORY: systemd }), 'from-file')
  t.equal(await read(file, { WAXSEAL_API_KEY: '', CERTCTL_API_KEY: 'from-certctl' }), 'from-certctl')
})

t.test('an empty systemd credential is none: the unit gives one to a host that is not enrolled', async (t) => {
  const { file, systemd } = await site(t)
  await write(file, 'from-file')
  await write(join(systemd, 'waxseal-credential'), '\n')

  t.equal(await read(file, { CREDENTIALS_DIRECTORY: systemd }), 'from-file')
})

t.test('a file that others can read is refused, the systemd credential is not', async (t) => {
  const { file, systemd } = await site(t)

  for (const mode of [0o644, 0o640, 0o604, 0o620]) {
    await write(file, 'secret-bytes', mode)

    t.match(await refusal(file, {}), { file, reason: 'others can read it', hint: `Run chmod 0600 ${file}.` })
  }
  await write(join(systemd, 'waxseal-credential'), 'from-systemd', 0o444)
  t.equal(await read(file, { CREDENTIALS_DIRECTORY: systemd }), 'from-systemd')
})

t.test('garbage is refused, and none of it is in the error', async (t) => {
  const { file } = await site(t)
  for (const garbage of ['secret-bytes\nsecret-bytes', 'secret bytes', 'secret\0bytes', 'sécret-bytes', '', ' \n']) {
    await write(file, garbage)

    t.match(await refusal(file, {}), { file, path: 'control_plane.credential_file', reason: /one line/ })
  }
  t.match(await refusal(file, { WAXSEAL_API_KEY: 'secret\r\nbytes: x' }), { reason: /WAXSEAL_API_KEY/ })
  t.match(await refusal(file, { CERTCTL_API_KEY: 'secret bytes' }), { reason: /CERTCTL_API_KEY/ })
})

t.test('white space around a credential is not part of it', async (t) => {
  const { file } = await site(t)
  await write(file, '\n from-file \r\n')

  t.equal(await read(file, {}), 'from-file')
  t.equal(await read(file, { WAXSEAL_API_KEY: 'from-env\n' }), 'from-env')
})

t.test('a credential of more than 4096 characters is refused, of just as many is not', async (t) => {
  const { file } = await site(t)
  await write(file, 'x'.repeat(4096))
  t.equal((await read(file, {})).length, 4096)

  await write(file, 'x'.repeat(4097))

  t.match(await refusal(file, {}), { file })
})

t.test('no credential anywhere is an error with the way out', async (t) => {
  const { file, systemd } = await site(t)

  t.match(await refusal(file, { CREDENTIALS_DIRECTORY: systemd }), { file, hint: /waxseal enroll/ })
  t.match(await refusal(null, {}), { file: '', hint: /waxseal enroll/ })
})

t.test('what is no regular file is refused', async (t) => {
  const { file, systemd } = await site(t)

  t.match(await refusal(systemd, {}), { file: systemd, reason: /regular file/ })
  await write(join(systemd, 'real'), 'secret-bytes')
  await symlink(join(systemd, 'real'), file)
  t.match(await refusal(file, {}), { file })
})

async function site(t: Test): Promise<{ readonly file: string; readonly systemd: string }> {
  const dir = t.testdir()
  const systemd = join(dir, 'systemd')
  await mkdir(systemd)
  return { file: join(dir, 'credential'), systemd }
}

async function write(path: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(path, text)
  await chmod(path, mode)
}

function read(credentialFile: string | null, env: Readonly<Record<string, string>>): Promise<string> {
  const config = {
    url: 'https://a.example',
    caFile: null,
    agentId: null,
    agentName: null,
    credentialFile,
    clientCertificate: null,
  }
  return readCredential(config, env)
}

/** The details of the CONFIG_INVALID; nothing of the secret is in them. */
async function refusal(credentialFile: string | null, env: Readonly<Record<string, string>>): Promise<unknown> {
  const error: unknown = await read(credentialFile, env).catch((caught: unknown) => caught)
  if (!(error instanceof WaxsealError) || error.code !== 'CONFIG_INVALID') return error
  const told = `${describeError(error)} ${error.stack}`
  return /s[eé]cret|bytes/.test(told) ? 'it tells the secret' : error.details
}
