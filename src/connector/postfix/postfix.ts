import { mailConnector } from '../wiring/mail-daemons.ts'

/** Postfix: a certificate file and a key file, or one file for both where the two paths are equal. */
export const postfix = mailConnector('postfix', {
  aliases: ['Postfix'],
  description: 'Writes the pair that Postfix reads, reloads it and looks at its ports.',
  example: {
    cert_path: '/etc/postfix/certs/cert.pem',
    key_path: '/etc/postfix/certs/key.pem',
    endpoints: ['mail.example.net:25'],
  },
  accounts: ['postfix'],
  usual: { config: ['/etc/postfix'] },
})
