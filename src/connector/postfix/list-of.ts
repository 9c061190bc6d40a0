/** Values that stand side by side; what is in braces is one. */
export function listOf(text: string): readonly string[] {
  const found: string[] = ['']
  let depth = 0
  for (const part of text.split(/([\s,]+|[{}])/)) {
    if (part === '{') depth += 1
    if (part === '}') depth -= 1
    if (depth <= 0 && /^[\s,]/.test(part)) found.push('')
    else found.push(`${found.pop()}${part}`)
  }
  return found.filter((value) => value !== '')
}
