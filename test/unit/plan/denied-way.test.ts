import t from 'tap'
import { deniedWay } from '../../../src/plan/denied-way.ts'

t.test('what the unit keeps nginx from is told with the line that allows it', async (t) => {
  t.match(
    deniedWay(
      'nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: [emerg] bind() to 0.0.0.0:443 failed (13: Permission denied)\n',
    ),
    /may not bind to 0\.0\.0\.0:443.*CapabilityBoundingSet=CAP_NET_BIND_SERVICE/,
  )
  t.match(
    deniedWay(
      'nginx: [alert] could not open error log file: open() "/var/log/nginx/error.log" failed (30: Read-only file system)',
    ),
    /error\.log is read-only for this process.*ReadWritePaths=\/var\/log\/nginx$/,
  )
  t.match(
    deniedWay('2026/11/26 [emerg] 1#1: open() "/run/nginx.pid" failed (30: Read-only file system)'),
    /ReadWritePaths=\/run$/,
  )
})

t.test('other programs say it in other words', async (t) => {
  t.match(deniedWay('mktemp: failed to create /run/apache2.XX: Read-only file system'), /ReadWritePaths=\/run$/)
  t.match(deniedWay('[emerg] open() "/var/log/nginx/error.log" failed (13: Permission denied)'), /run it as root/)
})

t.test('a configuration that is broken is none of it', async (t) => {
  t.equal(deniedWay('nginx: [emerg] unknown directive "x" in /etc/nginx/nginx.conf:3'), null)
  t.equal(deniedWay(''), null)
  for (const part of ['/a', '/', 'a', 'bind() to ']) t.equal(deniedWay(part.repeat(100_000)), null)
})
