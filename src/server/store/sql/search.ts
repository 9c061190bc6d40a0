/** A pattern for `lower(…) LIKE lower($n) ESCAPE '!'` that finds what has this text in it; what LIKE would read is quoted. */
export function containing(text: string): string {
  return `%${text.replaceAll(/[!%_]/g, '!$&')}%`
}
