const unseen = /[\u007f-\u009f\u2028\u2029\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

/** A JSON document of which a terminal obeys and hides nothing: such characters are `\uXXXX`, which reads as the same document. */
export function jsonText(document: unknown): string {
  return JSON.stringify(document, null, 2).replaceAll(unseen, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}
