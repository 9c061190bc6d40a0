/** One of each kind of character that an output must not obey, hide or be broken by. */
export const hostileText = [
  '\u{1b}[2J\u{1b}[31mred',
  '\u{1b}]0;title\u{7}',
  '\u{9b}2J\u{90}\u{9c}',
  '\0\b\u{7f}',
  'one\r\nok       all is well\ttab\u{85}\u{2028}\u{2029}',
  '\u{202e}desrever\u{2066}\u{200f}',
  'zero\u{200b}\u{feff}\u{2060}\u{ad}width',
  '\u{e0041}\u{3164}\u{fe0f}',
  '\ud800 half',
  `z${'\u{301}'.repeat(50)}`,
  '<script>alert(1)</script>"\'&',
].join(' ')

/** What no output may have in it. A line feed that ends a line is its writer's own. */
export const rawCharacter = /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

/** Marks that would grow over other lines. */
export const heapedMarks = /\p{M}{5}/u
