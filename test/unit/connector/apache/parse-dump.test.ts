import t from 'tap'
import { parseApacheDump } from '../../../../src/connector/apache/parse-dump.ts'

t.test(
  'what Apache prints is read: the main server, virtual hosts, quotes; not what stands in their sections',
  async (t) => {
    const text = String.raw`# In file: /etc/apache2/apache2.conf
#  87:
PidFile /var/run/apache2/apache2.pid
<Directory "/usr/share">
  #  16:
  SSLCertificateFile /no
  <Limit GET>
    Require all granted
  </Limit>
</Directory>
# In file: macro 'site' (defined on line 20 of "/srv/x.conf") used on line 28 of "/srv/x.conf"
<VirtualHost *:443 [::1]:443>
  #   2:
  SSLCertificateFile "/srv/my \"own\" pair.pem" 'b c'
  <IfModule x>
    SSLEngine on
  </IfModule>
  ServerAlias a.test     b.test
</VirtualHost>
<MDomainSet a.test b.test>
  MDCertificateFile "/srv/a.pem"
</MDomainSet>
Listen 443
ServerRoot: "/etc/apache2"
Main ErrorLog: "/var/log/apache2/error.log"
Define: DUMP_CONFIG
`

    t.same(parseApacheDump(text), {
      root: '/etc/apache2',
      servers: [
        {
          addresses: null,
          directives: [
            { name: 'pidfile', args: ['/var/run/apache2/apache2.pid'] },
            { name: 'listen', args: ['443'] },
          ],
        },
        {
          addresses: ['*:443', '[::1]:443'],
          directives: [
            { name: 'sslcertificatefile', args: ['/srv/my "own" pair.pem', 'b c'] },
            { name: 'serveralias', args: ['a.test', 'b.test'] },
          ],
        },
      ],
      domains: [
        { name: 'mdomainset', args: ['a.test', 'b.test'] },
        { name: 'mdcertificatefile', args: ['/srv/a.pem'] },
      ],
    })
  },
)

t.test('an answer without a configuration, or without the root of its paths, is none', async (t) => {
  t.equal(parseApacheDump('Syntax OK\n'), null)
  t.equal(parseApacheDump('ServerRoot: "/etc/apache2"\n'), null)
  t.equal(parseApacheDump('# In file: /x\nListen 443\n'), null)
  t.equal(parseApacheDump(''), null)
})

t.test('a long text of anything is read at once', async (t) => {
  for (const part of ['<a ', '</a>', '"', "'\\", ' ', '<a>\n', '> ', '< ', ' x'])
    t.doesNotThrow(
      () => parseApacheDump(`# In file: /x\n${part.repeat(200_000 / part.length)}\nServerRoot: "/x"\n`),
      part,
    )
})
