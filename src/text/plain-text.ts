/** White space that begins a new line, or jumps over a column. */
const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g

/**
 * What moves a cursor, shows as nothing, or turns a line around (Unicode's own classes): C0 and C1 with every escape sequence's
 * first character, bidirectional and zero-width characters, tags, halves of surrogate pairs, letters without a glyph.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu

/** Marks that are heaped on one letter grow over the lines around it. */
const heaped = /(\p{M}{4})\p{M}+/gu

const mostCharacters = 4000

/** Text from outside on one line, every character of it to be seen, in bounded length. What each output needs beyond that it adds. */
export function plainText(text: string, most: number = mostCharacters): string {
  const rest = text.length - most
  const kept = rest > 0 ? text.slice(0, most) : text
  const plain = kept.replaceAll(breaks, ' ').replaceAll(unseen, '\u{fffd}').replaceAll(heaped, '$1')
  return rest > 0 ? `${plain}… (${rest} more characters)` : plain
}
