import type { Architecture } from './runtime.ts'

/** Who answers for the package; `.invalid`: no mailbox is promised (RFC 2606). */
export const maintainer = 'Waxseal maintainers <maintainers@waxseal.invalid>'

/** The control file of the package, by deb-control(5). `size` in KiB. */
export function controlFile(version: string, architecture: Architecture, size: number): string {
  return `Package: waxseal
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${size}
Pre-Depends: init-system-helpers (>= 1.54~)
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 6), systemd (>= 247)
Recommends: ca-certificates
Suggests: postfix, dovecot-core, bind9-dnsutils
Section: mail
Priority: optional
Description: agent that deploys certificates on mail hosts and proves it
 Waxseal polls a control plane for certificate deployments, writes the new pair
 for Postfix or Dovecot, reloads the daemon, and asks its live ports, with
 STARTTLS where they speak it, which certificate they serve now. If that is not
 the new one, it puts everything back and proves that too. The control plane is
 told what happened.
 .
 The package brings its own runtime and runs as a sandboxed systemd service.
`
}
