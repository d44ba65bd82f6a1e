import { escaped } from '../svg.ts'
import type { Sample, SimulationResult } from './simulation.ts'

const width = 960
const left = 70
const right = 20
const panelHeight = 180
const top = 50
const gap = 60

/** An SVG of backlog and replicas over time: black lines on white, readable on any page. */
export function pictureOf(result: SimulationResult, title: string): string {
  const endMs = Math.max(1, result.endMs)
  const { samples } = result
  const lowerTop = top + panelHeight + gap
  const height = lowerTop + panelHeight + 50
  const backlog = panel({
    samples,
    endMs,
    y: top,
    name: 'messages in the queue',
    series: [{ of: (s) => s.backlog, colour: '#b3261e', width: 2 }],
  })
  const series = [
    { of: (s: Sample) => s.ready, colour: '#7cb342', width: 5 },
    { of: (s: Sample) => s.replicas, colour: '#1a56b0', width: 1.5 },
  ]
  const replicas = panel({
    samples,
    endMs,
    y: lowerTop,
    name: 'replicas: wanted (thin, blue), ready (broad, green)',
    series,
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = left + share * (width - left - right)
    const text = `${Math.round((share * endMs) / 1000)} s`
    return `<text x="${x}" y="${height - 20}" text-anchor="${share === 1 ? 'end' : 'middle'}">${text}</text>`
  })
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="20" font-size="16">${escaped(title)}</text>`,
    backlog,
    replicas,
    ...ticks,
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

interface Panel {
  readonly samples: readonly Sample[]
  readonly endMs: number
  readonly y: number
  readonly name: string
  readonly series: readonly {
    readonly of: (sample: Sample) => number
    readonly colour: string
    readonly width: number
  }[]
}

function panel({ samples, endMs, y, name, series }: Panel): string {
  const highest = samples.reduce((most, sample) => Math.max(most, ...series.map(({ of }) => of(sample))), 1)
  const bottom = y + panelHeight
  const xOf = (ms: number): string => (left + (ms / endMs) * (width - left - right)).toFixed(1)
  const yOf = (value: number): string => (bottom - (value / highest) * panelHeight).toFixed(1)
  const lines = series.map(({ of, colour, width: stroke }) => {
    let path = ''
    for (const sample of samples)
      path += `${path === '' ? 'M' : `H${xOf(sample.atMs)}V`}${path === '' ? `${xOf(sample.atMs)} ` : ''}${yOf(of(sample))}`
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${stroke}"/>`
  })
  return [
    `<text x="${left}" y="${y - 8}">${name}</text>`,
    `<path d="M${left} ${y}V${bottom}H${width - right}" fill="none" stroke="#777"/>`,
    `<text x="${left - 8}" y="${y + 5}" text-anchor="end">${highest}</text>`,
    `<text x="${left - 8}" y="${bottom}" text-anchor="end">0</text>`,
    ...lines,
  ].join('\n')
}
