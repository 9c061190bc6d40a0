import { basename, resolve } from 'node:path'
import type { GuideStep } from './guide.ts'
import type { Machine } from './machine.ts'
import type { Site } from './site.ts'

/** What a page is followed on. */
type Followed = Pick<Site, 'machines' | 'deb'>

const home = '/root'

/** Runs a command where the page says it, as root in root's folder. Returns what it printed. */
export async function follow(followed: Followed, { host, command }: GuideStep): Promise<string> {
  const machine = machineOf(followed, host)
  const [, name] = /^apt install \.\/(\S+\.deb)$/.exec(command) ?? []
  if (name !== undefined) await machine.write(`${home}/${name}`, followed.deb)
  // The machines have no SSH.
  if (command.startsWith('scp ')) return copy(followed, host, command.split(' ').slice(1))
  return machine.run('sh', '-ec', `cd ${home}; ${lookedAt(command)}`)
}

/** The words of scp(1), where a file without a host is one of this host. */
async function copy(followed: Followed, host: string, words: readonly string[]): Promise<string> {
  const places = words.map((word) => {
    const [, at = host, path = word] = /^root@(\w+):(.*)$/.exec(word) ?? []
    return { machine: machineOf(followed, at), path }
  })
  const to = places.at(-1)
  for (const { machine, path } of places.slice(0, -1))
    await to?.machine.write(`${home}/${basename(path)}`, await machine.read(resolve(home, path)), 0o600)
  return ''
}

const untilItListens = /^(journalctl -fu (\S+)) +# until it says again that it listens/

/** Who looks at a journal until the server listens breaks it off then. The last lines are those of the server before. */
function lookedAt(command: string): string {
  const [, journal = '', unit = ''] = untilItListens.exec(command) ?? []
  if (journal === '') return command
  const isThere = `*"[$pid]: "*listens*) exit ;; *"Main process exited"*) echo "$line"; exit 1 ;;`
  const reader = `pid=$(systemctl show -P MainPID ${unit}); while read -r line; do case $line in ${isThere} esac; done`
  return `exec bash -ec '${reader} < <(exec ${journal} 2>/dev/null); exit 1'`
}

function machineOf({ machines }: Followed, name: string): Machine {
  const machine = machines[name]
  if (machine === undefined) throw new Error(`there is no host ${name}`)
  return machine
}
