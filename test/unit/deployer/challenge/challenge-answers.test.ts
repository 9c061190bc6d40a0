import { chmod, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HttpAnswers } from '../../../../src/config/acme-policy.ts'
import { openChallengeAnswers } from '../../../../src/deployer/challenge/challenge-answers.ts'
import { answerFileOf } from '../../../../src/documents/challenge.ts'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const token = 'token_of-a-challenge'
const keyAuthorization = `${token}.${'A'.repeat(43)}`
const answer = { name: 'mail.example.net', token, keyAuthorization, lifetimeMs: 60_000 }

t.test('an answer is below the webroot, for everybody to read, and goes when its time is over', async (t) => {
  const { answers, webroot, clock } = await open(t)
  const file = join(webroot, '.well-known', 'acme-challenge', token)

  await answers.put(answer)
  await answers.put(answer)

  t.equal(await readFile(file, 'utf8'), keyAuthorization)
  t.equal((await lstat(file)).mode & 0o777, 0o644)
  clock.advance(59_000)
  await answers.tidy()
  t.ok(await lstat(file))
  clock.advance(2000)
  await answers.tidy()
  t.same(await readdir(join(webroot, '.well-known', 'acme-challenge')), [])
})

t.test('the next start removes what is over, wherever policy has answers by then', async (t) => {
  const { answers, again, webroot, clock } = await open(t)
  await answers.put(answer)
  clock.advance(61_000)

  await again({ responder: true })

  t.same(await readdir(join(webroot, '.well-known', 'acme-challenge')), [])
})

t.test('no answer lives longer than an hour, whatever was asked for and whatever the clock was', async (t) => {
  const { answers, webroot, clock } = await open(t)
  await answers.put({ ...answer, lifetimeMs: 1e12 })
  clock.advance(3_601_000)
  await answers.tidy()
  t.same(await readdir(join(webroot, '.well-known', 'acme-challenge')), [])
  await answers.put(answer)

  clock.advance(-7_200_000)
  await answers.tidy()

  t.same(await readdir(join(webroot, '.well-known', 'acme-challenge')), [])
})

t.test('the responder finds them in a folder of its own, by the name that they are for', async (t) => {
  const { again, dir } = await open(t)
  const answers = await again({ responder: true })

  await answers.put(answer)

  t.same(await readdir(join(dir, 'state-acme')), [answerFileOf(token, 'MAIL.example.net.')])
  t.not(answerFileOf(token, 'mail.example.net'), answerFileOf(token, 'shop.example.org'))
})

t.test('where policy has no answers none is put anywhere', async (t) => {
  const { again, dir } = await open(t)
  const answers = await again(null)

  await t.rejects(answers.put(answer), { code: 'CHALLENGE_NOT_ALLOWED' })

  t.same((await readdir(dir)).toSorted(), ['challenges', 'www'])
})

t.test('what is no token with its own key authorization is written nowhere', async (t) => {
  const { answers, webroot } = await open(t)

  for (const [one, other] of [
    ['../../etc/cron.d/x1', `../../etc/cron.d/x1.${'A'.repeat(43)}`],
    [token, `another_token_entirely.${'A'.repeat(43)}`],
    [token, `${token}.<script>alert(1)</script>`],
    [token, `${token}.${'A'.repeat(43)}\n* * * * * root id`],
    ['.htaccess', `.htaccess.${'A'.repeat(43)}`],
  ] as const) {
    const put = answers.put({ token: one, keyAuthorization: other, name: 'mail.example.net', lifetimeMs: 1000 })
    await t.rejects(put, { code: 'JOB_MALFORMED' }, one)
  }
  t.same(await readdir(webroot), [])
})

t.test('a folder in which others may write, and a link, lead an answer nowhere', async (t) => {
  const { answers, webroot, dir } = await open(t)
  await mkdir(join(dir, 'elsewhere'))
  await symlink(join(dir, 'elsewhere'), join(webroot, '.well-known'))
  await t.rejects(answers.put(answer), { code: 'PATH_NOT_ALLOWED' })
  const { answers: others, webroot: shared } = await open(t)
  await chmod(shared, 0o777)

  await t.rejects(others.put(answer), { code: 'PATH_NOT_ALLOWED' })

  t.same(await readdir(join(dir, 'elsewhere')), [])
})

t.test('what cannot be removed from a folder of others is removed once policy names them, for a day', async (t) => {
  const { answers, webroot, clock } = await open(t)
  const folder = join(webroot, '.well-known', 'acme-challenge')
  await answers.put(answer)
  await chmod(webroot, 0o777)
  clock.advance(61_000)
  await answers.tidy()
  t.same(await readdir(folder), [token])
  await chmod(webroot, 0o755)

  await answers.tidy()

  t.same(await readdir(folder), [])
})

t.test('there are a hundred at most', async (t) => {
  const { answers } = await open(t)
  for (let index = 0; index < 100; index += 1) {
    const one = `${token}-${index}`
    await answers.put({ ...answer, token: one, keyAuthorization: `${one}.${'A'.repeat(43)}` })
  }

  await t.rejects(answers.put(answer), { code: 'LIMIT_EXCEEDED', details: { limit: 'challengeAnswers' } })
})

t.test('a file of somebody else beside them stays', async (t) => {
  const { answers, webroot, clock } = await open(t)
  await answers.put(answer)
  await writeFile(join(webroot, '.well-known', 'acme-challenge', 'certbot-has-put-this'), 'x')

  clock.advance(61_000)
  await answers.tidy()

  t.same(await readdir(join(webroot, '.well-known', 'acme-challenge')), ['certbot-has-put-this'])
})

async function open(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-challenge-')
  t.teardown(() => removeTree(dir))
  const webroot = join(dir, 'www')
  await mkdir(webroot, { mode: 0o755 })
  const clock = fakeClock()
  const again = (http: HttpAnswers | null) =>
    openChallengeAnswers({
      path: join(dir, 'challenges'),
      stateDir: join(dir, 'state'),
      policy: () => ({ acme: { http: http === null ? null : { ...http, accounts: null }, own: null }, folders: [] }),
      clock,
    })
  return { answers: await again({ webroot }), again, webroot, dir, clock }
}
