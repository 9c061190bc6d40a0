import t from 'tap'
import { haproxyConfigsOf } from '../../../../src/connector/haproxy/configs-of.ts'
import { recordedHost } from '../recorded-host.ts'

t.test("the files are those of Debian's service, with what /etc/default/haproxy adds", async (t) => {
  const configsOf = (text: string): Promise<readonly string[]> =>
    haproxyConfigsOf(recordedHost({}, { '/etc/default/haproxy': { text, mode: 0o644 } }))

  t.same(await haproxyConfigsOf(recordedHost({})), ['/etc/haproxy/haproxy.cfg'])
  t.same(await configsOf('#CONFIG="/x"\n#EXTRAOPTS="-f /y"\n'), ['/etc/haproxy/haproxy.cfg'])
  t.same(await configsOf('CONFIG="/srv/ha.cfg"\nEXTRAOPTS="-de -m 16 -f /etc/haproxy/conf.d -f/etc/more.cfg"\n'), [
    '/srv/ha.cfg',
    '/etc/haproxy/conf.d',
    '/etc/more.cfg',
  ])
  t.same(await configsOf('CONFIG=relative.cfg\n'), ['/etc/haproxy/haproxy.cfg'])
})

t.test(
  'where HAProxy runs, its files are those of its command line, as systemd started it or reloaded itself',
  async (t) => {
    const started =
      '/usr/sbin/haproxy|-sf|813|-x|sockpair@4|-Ws|-f|/etc/haproxy/haproxy.cfg|-f|/etc/haproxy/services/|-S|/run/m.sock'
    const configsOf = (
      line: string,
      uid = '0',
      pids: Readonly<Record<string, string>> = { '/run/haproxy.pid': '812\n' },
    ) =>
      haproxyConfigsOf(
        recordedHost(
          { 'systemctl show --property=MainPID --value haproxy.service': '812\n' },
          Object.fromEntries(
            Object.entries({
              ...pids,
              '/proc/812/cmdline': `${line.replaceAll('|', '\0')}\0`,
              '/proc/812/status': `Name:\thaproxy\nUid:\t0\t${uid}\t0\t0\nGid:\t0\t0\t0\t0\n`,
            }).map(([path, text]) => [path, { text, mode: 0o444 }]),
          ),
        ),
      )
    const both = ['/etc/haproxy/haproxy.cfg', '/etc/haproxy/services/']
    const usual = ['/etc/haproxy/haproxy.cfg']

    t.same(await configsOf(started), both)
    t.same(await configsOf(started, '0', { '/run/systemd/system/x': '' }), both)
    t.same(await configsOf(started, '0', { '/run/systemd/system/x': '', '/run/haproxy.pid': '99\n' }), both)
    t.same(await configsOf('haproxy|-D|--|/a.cfg|/b.cfg'), ['/a.cfg', '/b.cfg'])
    t.same(await configsOf(started, '0', {}), usual)
    t.same(await configsOf(started, '106'), usual)
    t.same(await configsOf('/usr/bin/other|-f|/a.cfg'), usual)
    t.same(await configsOf('haproxy|-f|relative.cfg|-f|/a.cfg'), usual)
  },
)
