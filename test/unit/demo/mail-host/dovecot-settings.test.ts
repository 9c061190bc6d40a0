import t from 'tap'
import { accounts, spelledFor, versionLines } from '../../../../src/demo/mail-host/dovecot-settings.ts'

const settings = `ssl = yes
ssl_cert = </srv/cert.pem
ssl_key = </srv/key.pem
local_name mail.example.org {
  ssl_alt_cert = </srv/org.pem
  ssl_alt_key = </srv/org.pem
}
service imap-login {
  service_count = 0
  inet_listener imap {
    address = 127.0.0.1
    port = 143
  }
}
`

t.test('lines of 2.3 stay as they are for 2.3', async (t) => {
  t.equal(versionLines('2.3') + spelledFor('2.3', settings), settings)
})

t.test('for 2.4 the same settings have their names of 2.4, and a file is named without a sign', async (t) => {
  t.equal(
    spelledFor('2.4', settings),
    `ssl = yes
ssl_server_cert_file = /srv/cert.pem
ssl_server_key_file = /srv/key.pem
local_name mail.example.org {
  ssl_server_alt_cert_file = /srv/org.pem
  ssl_server_alt_key_file = /srv/org.pem
}
service imap-login {
  restart_request_count = unlimited
  inet_listener imap {
    listen = 127.0.0.1
    port = 143
  }
}
`,
  )
  t.match(versionLines('2.4'), /^dovecot_config_version = 2\.4\.0\ndovecot_storage_version = /)
})

t.test('the accounts are named in the form of each release', async (t) => {
  t.match(accounts('2.3', '/srv/home'), /driver = static\n {2}args = .*home=\/srv\/home\n/)
  t.match(
    accounts('2.4', '/srv/home'),
    /^passdb static \{[^}]*\}\nuserdb static \{\n {2}fields \{[^}]*home = \/srv\/home\n/,
  )
})
