/**
 * What a command says that this process may not do, and the way out: the unit's sandbox is no broken configuration. Null: its
 * output tells of no such thing.
 */
export function deniedWay(printed: string): string | null {
  const output = printed.slice(-4000)
  const low = /bind\(\) to (\S+) failed \(13:|[Cc]annot bind\b.*?\[?(\S+?)\]?: ?Permission denied/.exec(output)
  if (low !== null)
    return `This process may not bind to ${(low[1] ?? low[2] ?? '').slice(0, 100)}. By hand: run it as root. In the unit: systemctl edit waxseal-deploy, and below [Service] the line CapabilityBoundingSet=CAP_NET_BIND_SERVICE`
  const closed = /(\/[^\s"'():]{1,200})[^\n/]{0,40}(?:\(30: |Read-only file system)/.exec(output)
  if (closed !== null)
    return `${closed[1]} is read-only for this process. Where the disk is not, the unit is: systemctl edit waxseal-deploy, and below [Service] the line ReadWritePaths=${folderOf(closed[1] ?? '')}`
  const shut = /(\/[^\s"'():]{1,200})"? failed \(13: /.exec(output)
  return shut === null ? null : `This process may not open ${shut[1]}: run it as root`
}

/** A daemon may make the file anew, and a file that is mounted by itself would stay the old one. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')))
}
