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
