import t from 'tap'
import type { HostView, ReadOutput } from '../../../../src/connector/host-view.ts'
import { askOnce } from '../../../../src/deployer/propose/ask-once.ts'

function open() {
  const asked: string[] = []
  const note = (what: string): void => void asked.push(what)
  const answer: ReadOutput = { exitCode: 0, stdout: '', output: '', isMissing: false }
  const host = {
    run: async (command: readonly string[]) => {
      note(command.join(' '))
      return answer
    },
    identity: async (path: string) => {
      note(path)
      return `folder/${path}`
    },
    readFile: async (path: string) => {
      note(`read ${path}`)
      return null
    },
  } as unknown as HostView
  return { asked, ...askOnce(host) }
}

t.test('each command and each path is asked once', async (t) => {
  const { hostView, asked } = open()

  await Promise.all([hostView.run(['nginx', '-T']), hostView.run(['nginx', '-T']), hostView.run(['nginx', '-V'])])
  const [one, other] = await Promise.all([hostView.identity('/etc/a'), hostView.identity('/etc/a')])

  t.equal(one, other)
  t.same(asked, ['nginx -T', 'nginx -V', '/etc/a'])
})

t.test('what was changed is asked anew', async (t) => {
  const { hostView, forget, asked } = open()
  await hostView.run(['nginx', '-T'])
  await hostView.identity('/etc/a')

  forget()
  await hostView.run(['nginx', '-T'])
  await hostView.identity('/etc/a')

  t.same(asked, ['nginx -T', '/etc/a', 'nginx -T', '/etc/a'])
})

t.test('contents of files are read each time', async (t) => {
  const { hostView, asked } = open()

  await hostView.readFile('/etc/a')
  await hostView.readFile('/etc/a')

  t.same(asked, ['read /etc/a', 'read /etc/a'])
})
