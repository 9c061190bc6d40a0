/** Where the answers to http-01 challenges are for the responder: beside the state directory, for everybody to read. */
export function answersFolder(stateDir: string): string {
  return `${stateDir.replace(/\/+$/, '')}-acme`
}
