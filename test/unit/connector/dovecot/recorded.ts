/** `doveconf -P -a` of 2.3.19.1, TLS and listeners kept. */
export const settings23 = `# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
listen = *, ::
protocols = imap pop3 lmtp
ssl = required
ssl_alt_cert = </srv/tls/rsa-cert.pem
ssl_alt_key = </srv/tls/rsa-key.pem
ssl_ca = 
ssl_cert = </srv/tls/cert.pem
ssl_client_cert = 
ssl_key = </srv/tls/key.pem
ssl_key_password = 
local_name mail.example.org {
  ssl_cert = </srv/tls/org-cert.pem
  ssl_key = </srv/tls/org-key.pem
}
local_name a.example.org b.example.org {
  ssl_cert = </srv/tls/ab-cert.pem
}
local_name *.example.com {
  ssl_cert = </srv/tls/com-cert.pem
}
`

/** `doveconf service` of 2.3.19.1, three services kept. */
export const services23 = `service imap-login {
  inet_listener imap {
    address = 
    haproxy = no
    port = 143
    reuse_port = no
    ssl = no
  }
  inet_listener imaps {
    address = 192.0.2.7 ::1
    haproxy = no
    port = 993
    reuse_port = no
    ssl = yes
  }
  service_count = 1
}
service lmtp {
  inet_listener lmtp {
    address = 
    port = 24
    ssl = no
  }
  unix_listener lmtp {
    group = 
  }
}
service managesieve-login {
  inet_listener sieve {
    port = 4190
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = 995
    ssl = yes
  }
}
`

/** `doveconf -P -a` of 2.4.1 (Debian 13): the settings at their defaults first, the own ones in blocks behind them. */
export const settings24 = `# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf
# Pigeonhole version 2.4.1-4 (0a86619f)
dovecot_config_version = 2.4.1
inet_listener_port = 0
inet_listener_ssl = no
listen = 127.0.0.1 ::1
ssl = required
ssl_client_cert_file = 
ssl_server_alt_cert_file = 
ssl_server_alt_key_file = 
ssl_server_ca_file = 
ssl_server_cert_file = 
ssl_server_key_file = 
protocols {
  imap = yes
  pop3 = yes
  lmtp = no
}
ssl_server {
  alt_cert_file = /srv/tls/rsa-cert.pem
  alt_key_file = /srv/tls/rsa-key.pem
  cert_file = /srv/tls/cert.pem
  key_file = /srv/tls/key.pem
}
local_name mail.example.org {
  ssl_server {
    cert_file = /srv/tls/org-cert.pem
    key_file = /srv/tls/org-key.pem
  }
}
protocol pop3 {
  ssl_server {
    cert_file = /srv/tls/pop3-cert.pem
    key_file = /srv/tls/pop3-key.pem
  }
}
local 127.0.0.1 {
  protocol imap {
    ssl_server {
      cert_file = /srv/tls/local-cert.pem
    }
  }
}
service imap-login {
  inet_listener imap {
    port = 10143
  }
}
`

/** `doveconf service` of 2.4.1: the defaults are in it. */
export const services24 = `service imap-login {
  chroot = login
  inet_listener imap {
    port = 10143
  }
  unix_listener "srv.imap-login/%{pid}" {
    mode = 0600
  }
  inet_listener imaps {
    port = 993
    ssl = yes
    listen = 127.0.0.1
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = 995
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = 24
  }
}
`
