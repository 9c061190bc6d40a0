import { getServers } from 'node:dns'

/** The DNS servers of /etc/resolv.conf, as `ADDRESS` or `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
export function systemResolvers(): readonly string[] {
  return getServers()
}
