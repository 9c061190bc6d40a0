import { mailConnector } from '../wiring/mail-daemons.ts'

/** Dovecot: a certificate file and a key file, or one file for both where the two paths are equal. */
export const dovecot = mailConnector('dovecot', {
  aliases: ['Dovecot'],
  description: 'Writes the pair that Dovecot reads, reloads it and looks at its ports.',
  example: {
    cert_path: '/etc/dovecot/certs/cert.pem',
    key_path: '/etc/dovecot/certs/key.pem',
    endpoints: ['mail.example.net:993'],
  },
  accounts: ['dovecot'],
  usual: { config: ['/etc/dovecot/dovecot.conf', '/etc/dovecot'] },
})
