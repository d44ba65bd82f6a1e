import { escaped } from '../../dev/svg.ts'
import { figure } from './page.ts'

export interface Bar {
  readonly label: string
  readonly value: number
}

export interface PhasedBar {
  readonly label: string
  readonly phases: readonly { readonly name: string; readonly ms: number }[]
}

export interface PictureOptions {
  /** Lines a second. */
  readonly throughput: readonly Bar[]
  readonly coldStart: readonly PhasedBar[]
}

const width = 960
const left = 210
const right = 120
const barHeight = 22
const step = 32
const colours = ['#90a4ae', '#1a56b0', '#7cb342', '#b3261e', '#8e24aa', '#f9a825']

/** An SVG of bars: lines a second on a logarithmic axis, and where the milliseconds of a cold start go. Black on white. */
export function pictureOf({ throughput, coldStart }: PictureOptions): string {
  const top = 56
  const second = top + throughput.length * step + 70
  const names = [...new Set(coldStart.flatMap(({ phases }) => phases.map(({ name }) => name)))]
  const height = second + coldStart.length * step + 50
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    '<title>Throughput, and the phases of a cold start</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="30" font-size="16">lines a second, file to file (logarithmic)</text>`,
    ...throughputBars(throughput, top),
    `<text x="20" y="${second - 26}" font-size="16">cold start, ms from exec</text>`,
    ...phasedBars(coldStart, names, second),
    ...legend(names, height - 18),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

function throughputBars(bars: readonly Bar[], top: number): readonly string[] {
  const lowest = Math.log10(Math.min(...bars.map(({ value }) => value), 1000)) - 0.3
  const span = Math.log10(Math.max(...bars.map(({ value }) => value), 10_000)) - lowest
  return bars.flatMap(({ label, value }, index) => {
    const y = top + index * step
    const length = ((Math.log10(value) - lowest) / span) * (width - left - right)
    return [
      labelAt(label, y),
      rectangle(left, y, length, colours[1] as string),
      `<text x="${(left + length + 8).toFixed(1)}" y="${y + 16}">${figure(value)}</text>`,
    ]
  })
}

function phasedBars(bars: readonly PhasedBar[], names: readonly string[], top: number): readonly string[] {
  const total = (bar: PhasedBar) => bar.phases.reduce((sum, { ms }) => sum + ms, 0)
  const longest = Math.max(...bars.map(total), 1)
  return bars.flatMap((bar, index) => {
    const y = top + index * step
    let x = left
    const boxes = bar.phases.map(({ name, ms }) => {
      const length = (Math.max(0, ms) / longest) * (width - left - right)
      const box = rectangle(x, y, length, colours[names.indexOf(name) % colours.length] as string)
      x += length
      return box
    })
    return [
      labelAt(bar.label, y),
      ...boxes,
      `<text x="${(x + 8).toFixed(1)}" y="${y + 16}">${figure(total(bar))} ms</text>`,
    ]
  })
}

function legend(names: readonly string[], y: number): readonly string[] {
  let x = left
  return names.flatMap((name, index) => {
    const at = x
    x += 34 + name.length * 7
    return [
      `<rect x="${at}" y="${y - 11}" width="12" height="12" fill="${colours[index % colours.length]}"/>`,
      `<text x="${at + 18}" y="${y}">${escaped(name)}</text>`,
    ]
  })
}

const labelAt = (label: string, y: number): string =>
  `<text x="${left - 10}" y="${y + 16}" text-anchor="end">${escaped(label)}</text>`

const rectangle = (x: number, y: number, length: number, colour: string): string =>
  `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0, length).toFixed(1)}" height="${barHeight}" fill="${colour}"/>`
