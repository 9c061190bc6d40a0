/** What people, a terminal or systemd tell this program, and libuv, which reads how many threads it may have at the first file call. */
const ours =
  /^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLORTERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|TMPDIR|(WAXSEAL|CERTCTL)_[A-Z_]+|UV_THREADPOOL_SIZE|NOTIFY_SOCKET|WATCHDOG_(USEC|PID)|INVOCATION_ID|JOURNAL_STREAM|LISTEN_(FDS|PID|FDNAMES)|(CREDENTIALS|STATE|RUNTIME)_DIRECTORY)$/

/** What the runtime and the linker had read before the first line of this program: taking it away is too late. */
const beforeUs =
  /^(LD_[A-Z_]+|GLIBC_TUNABLES|GCONV_PATH|OPENSSL_[A-Z_]+|NODE_(OPTIONS|EXTRA_CA_CERTS|PATH|REPL_EXTERNAL_MODULE|ICU_DATA))$/

const atStart = Object.keys(process.env)

/**
 * Takes everything out of the environment of this process that is not ours, before it is asked for anything: what switches the
 * verification of certificates off, brings roots of its own or leads requests to a proxy.
 */
export function keepOwnEnvironment(): void {
  for (const name of Object.keys(process.env)) if (!ours.test(name)) delete process.env[name]
}

/** Names that had their effect before this program could take them away. The units unset them (`UnsetEnvironment=`). */
export function effectiveBeforeUs(): readonly string[] {
  return atStart.filter((name) => beforeUs.test(name)).toSorted()
}
