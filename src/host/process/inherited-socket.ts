/** The descriptor of the socket that the service manager opened for this process (sd_listen_fds(3)); null: none. */
export function inheritedSocket(env: Readonly<Record<string, string | undefined>>): { readonly fd: number } | null {
  return env['LISTEN_PID'] === String(process.pid) && Number(env['LISTEN_FDS']) >= 1 ? { fd: 3 } : null
}
