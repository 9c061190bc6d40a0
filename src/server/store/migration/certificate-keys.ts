/** The kind of key that a certificate is to have, and the key that its host has made ahead. */
export const certificateKeys: readonly string[] = [
  'ALTER TABLE certificate ADD COLUMN key_type TEXT',
  'ALTER TABLE certificate ADD COLUMN next_spki TEXT',
]
