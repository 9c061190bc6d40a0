import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import type { Unwired, WiredMap, Wiring } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'
import { type Instance, readInstance } from './read-instance.ts'

/** What Postfix reads for each TLS listener, by postconf(1); without a folder of settings, of all its instances. */
export async function readPostfixWiring(host: HostView, configDir: string | null): Promise<Wiring | Unwired> {
  const first = await readInstance(host, configDir)
  if ('unwired' in first) return first
  if (configDir !== null) return { ...first.wiring, maps: first.wiring.maps.map((map) => compiledIn(configDir, map)) }
  const folders = listOf(first.main.multi_instance_directories).filter((folder) => folder.startsWith('/'))
  const others = await Promise.all(folders.map((folder) => readOther(host, folder, first)))
  const { multi_instance_wrapper: manager } = first.main
  const own = folders.length === 0 || manager === '' ? first.wiring : startedOf(first)
  return [own, ...others].reduce(joined)
}

/** `postmap -c DIR -F TABLE` of an instance that a target names. */
function compiledIn(folder: string, map: WiredMap): WiredMap {
  if (map.command === null) return map
  const [program, ...args] = map.command
  return { ...map, command: [program, '-c', folder, ...args] satisfies Command }
}

/** Of several instances, `postfix reload` reloads all by `multi_instance_wrapper`, and none where that is empty; postmulti(1) sets it. */
async function readOther(host: HostView, folder: string, { main }: Instance): Promise<Wiring> {
  const answer = await readInstance(host, folder)
  if ('unwired' in answer) {
    const doubts = [`Of the instance ${folder} nothing is known: ${answer.reason}`]
    return { listeners: [], maps: [], named: [], doubts }
  }
  const { listeners: started, ...rest } = startedOf(answer)
  const isReached = main.multi_instance_wrapper !== ''
  const doubt = `"postfix reload" fails while multi_instance_wrapper is empty: reload the instance ${folder} by itself.`
  const listeners = started.map((listener) => ({
    ...listener,
    name: `${folder}/${listener.name}`,
    ...(isReached ? {} : { doubt, unproven: true as const }),
  }))
  return { ...rest, listeners }
}

/** postmulti(1) starts no instance that is not enabled, the first one neither, and reloads none: such a one does not listen. */
function startedOf({ main, wiring }: Instance): Wiring {
  return main.multi_instance_enable.toLowerCase() === 'yes' ? wiring : { ...wiring, listeners: [] }
}

function joined(one: Wiring, other: Wiring): Wiring {
  const { maps } = one
  return {
    listeners: [...one.listeners, ...other.listeners],
    maps: [...maps, ...other.maps.filter(({ source }) => !maps.some((map) => map.source === source))],
    named: [...new Set([...one.named, ...other.named])],
    doubts: [...one.doubts, ...other.doubts],
  }
}
