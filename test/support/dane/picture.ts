import { type KeySample, short } from './watch-keys.ts'

/** Something that happened, at its time in milliseconds. */
export interface Mark {
  readonly at: number
  readonly what: string
}

const sources = ['served', 'resolver', 'primary', 'secondary'] as const
const [left, rowHeight, mostWidth, top] = [150, 11, 1600, 30]
const colours = { served: '#b3261e', resolver: '#1f6f43', primary: '#3a66a7', secondary: '#8fb0dc' } as const

/** An SVG of which key was served, and which records were where, over time: four lines for each key, one mark for each crash. */
export function drawPicture(samples: readonly KeySample[], marks: readonly Mark[]): string {
  const keys = keysIn(samples)
  const end = samples.at(-1)?.at ?? 1
  const x = (at: number): number => Math.round((left + (at / end) * mostWidth) * 10) / 10
  const height = top + keys.length * (sources.length * rowHeight + 8) + 20
  const rows = keys.flatMap((key, index) => {
    const y = top + index * (sources.length * rowHeight + 8)
    const label = `<text x="4" y="${y + 10}">${short(key)}</text>`
    const lines = sources.flatMap((source, line) =>
      spansOf(samples, (sample) => has(sample, source, key)).map(
        ([from, to]) =>
          `<rect x="${x(from)}" y="${y + line * rowHeight}" width="${Math.max(1, x(to) - x(from)).toFixed(1)}" height="${rowHeight - 3}" fill="${colours[source]}"/>`,
      ),
    )
    return [label, ...lines]
  })
  const crashes = marks.map(
    ({ at, what }) =>
      `<line x1="${x(at)}" x2="${x(at)}" y1="${top - 6}" y2="${height - 16}" stroke="#000" stroke-dasharray="2 3"><title>${what} at ${Math.round(at / 1000)} s</title></line>`,
  )
  const legend = sources.map(
    (source, index) => `<text x="${left + index * 130}" y="14" fill="${colours[source]}">${source}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + mostWidth + 20}" height="${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${[...legend, ...rows, ...crashes].join('\n')}
<text x="${left}" y="${height - 4}">0 s</text><text x="${left + mostWidth}" y="${height - 4}" text-anchor="end">${Math.round(end / 1000)} s; dashed: SIGKILL</text>
</svg>
`
}

/** The same in words: a line for each change of what is served or published. */
export function tellChanges(samples: readonly KeySample[], marks: readonly Mark[]): readonly string[] {
  const lines: Mark[] = [...marks]
  let before = ''
  for (const { at, served, ...published } of samples) {
    const told = (['primary', 'secondary', 'resolver'] as const)
      .map((who) => `${who} ${[...(published[who] ?? ['?'])].map(short).toSorted().join('+') || 'none'}`)
      .join(', ')
    const now = `serves ${short(served)}; ${told}`
    if (now !== before) lines.push({ at, what: now })
    before = now
  }
  return lines.toSorted((one, other) => one.at - other.at).map(({ at, what }) => `${(at / 1000).toFixed(1)} s  ${what}`)
}

function keysIn(samples: readonly KeySample[]): readonly string[] {
  const keys = samples.flatMap(({ served, primary }) => [...(primary ?? []), ...(served === null ? [] : [served])])
  return [...new Set(keys)]
}

function has(sample: KeySample, source: (typeof sources)[number], key: string): boolean {
  return source === 'served' ? sample.served === key : (sample[source]?.includes(key) ?? false)
}

/** From the first sample of which it is true to the one behind the last, again and again. */
function spansOf(
  samples: readonly KeySample[],
  isSo: (sample: KeySample) => boolean,
): readonly (readonly [from: number, to: number])[] {
  const spans: (readonly [number, number])[] = []
  let from: number | null = null
  for (const sample of samples) {
    if (isSo(sample)) from ??= sample.at
    else if (from !== null) {
      spans.push([from, sample.at])
      from = null
    }
  }
  const last = samples.at(-1)?.at ?? 0
  return from === null ? spans : [...spans, [from, last]]
}
