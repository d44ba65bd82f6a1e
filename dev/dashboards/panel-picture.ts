import { escaped } from '../svg.ts'
import { legendOf, type Panel } from './dashboards.ts'
import type { Series } from './prometheus.ts'
import { axisOf, inUnit } from './units.ts'

/** A panel with what Prometheus answered, a list for each of its queries. */
export interface Answered {
  readonly panel: Panel
  readonly answers: readonly (readonly Series[])[]
}
export interface Times {
  readonly from: number
  readonly to: number
  readonly step: number
}
export interface Box {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

interface Line {
  readonly name: string
  readonly colour: string
  readonly reference: boolean
  /** A value for each step; none where there was none. */
  readonly points: readonly (number | undefined)[]
}

const colours = [
  ...['#3d8b37', '#c78a00', '#2b8ca3', '#c4541a', '#b3261e', '#1a56b0', '#8e24aa', '#5e4b8b', '#5d6d1e', '#8d5524'],
]
const legendRow = 15
const axisWidth = 62

function linesOf({ panel, answers }: Answered, { from, to, step }: Times): readonly Line[] {
  const referenced = new Set(panel.fieldConfig?.overrides.map(({ matcher }) => matcher.options))
  const count = Math.round((to - from) / step) + 1
  const found = (panel.targets ?? []).flatMap(({ legendFormat, refId }, query) =>
    (answers[query] ?? []).map(({ metric, values }) => {
      const points: (number | undefined)[] = Array.from({ length: count })
      for (const [at, text] of values) {
        const value = Number(text)
        if (Number.isFinite(value)) points[Math.round((at - from) / step)] = value
      }
      return { name: legendOf(legendFormat, metric), reference: referenced.has(refId), points }
    }),
  )
  return found.map((line, index) => ({ ...line, colour: colours[index % colours.length] ?? '#000' }))
}

/** Each line on top of those before it, but for what is only compared with. */
function stackedUp(lines: readonly Line[]): readonly Line[] {
  const below: number[] = []
  return lines.map((line) => {
    if (line.reference) return line
    const points = line.points.map((value, at) => {
      if (value === undefined) return undefined
      below[at] = (below[at] ?? 0) + value
      return below[at]
    })
    return { ...line, points }
  })
}

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`

export function panelPicture(answered: Answered, times: Times, box: Box): string {
  const { panel } = answered
  const lines = linesOf(answered, times)
  const frame = `<rect x="${box.x + 3}" y="${box.y + 3}" width="${box.w - 6}" height="${box.h - 6}" fill="#fff" stroke="#d5d5d5"/>`
  const title = text(box.x + 12, box.y + 21, panel.title, 'font-weight="bold"')
  const empty = lines.every(({ points }) => points.every((value) => value === undefined))
  if (empty) return [frame, title, text(box.x + 12, box.y + 60, 'no data', 'fill="#b3261e"')].join('\n')
  const drawn = panel.type === 'state-timeline' ? states(lines, times, box) : series(panel, lines, times, box)
  return [frame, title, drawn].join('\n')
}

function timeTicks({ from, to }: Times, left: number, width: number, y: number): string {
  const ticks = Math.max(2, Math.floor(width / 130))
  return Array.from({ length: ticks }, (_, index) => {
    const at = from + ((to - from) * (index + 0.5)) / ticks
    const x = left + (width * (index + 0.5)) / ticks
    const label = new Date(at * 1000).toISOString().slice(11, 19)
    return text(x, y, label, 'text-anchor="middle" fill="#555"')
  }).join('\n')
}

function series(panel: Panel, lines: readonly Line[], times: Times, box: Box): string {
  const { unit = '', custom } = panel.fieldConfig?.defaults ?? { custom: {} }
  const rows = Math.min(lines.length, Math.max(2, Math.floor((box.h - 130) / legendRow)))
  const plot = { x: box.x + axisWidth, y: box.y + 32, w: box.w - axisWidth - 16, h: box.h - 60 - rows * legendRow }
  const shown = custom?.stacking?.mode === 'normal' ? stackedUp(lines) : lines
  const highest = Math.max(...shown.flatMap(({ points }) => points.map((value) => value ?? 0)), 0)
  const { top, step } = axisOf(highest, unit)
  const xOf = (index: number): number => plot.x + (plot.w * index * times.step) / (times.to - times.from)
  const yOf = (value: number): number => plot.y + plot.h * (1 - value / top)
  const grid = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => {
    const y = yOf(index * step)
    return `<path d="M${plot.x} ${y}H${plot.x + plot.w}" stroke="#e8e8e8"/>${text(plot.x - 6, y + 4, inUnit(index * step, unit), 'text-anchor="end" fill="#555"')}`
  })
  const paths = shown.map((line) =>
    custom?.drawStyle === 'bars'
      ? bars(line, xOf, yOf, plot.w / line.points.length)
      : path(line, xOf, yOf, custom?.lineInterpolation === 'stepAfter'),
  )
  const legend = legendRows(lines, rows, unit, box)
  return [...grid, timeTicks(times, plot.x, plot.w, plot.y + plot.h + 16), ...paths, legend].join('\n')
}

function legendRows(lines: readonly Line[], rows: number, unit: string, box: Box): string {
  const top = box.y + box.h - 10 - (rows - 1) * legendRow
  const highestOf = ({ points }: Line): number => Math.max(...points.map((value) => value ?? 0))
  return lines
    .toSorted((a, b) => highestOf(b) - highestOf(a))
    .slice(0, rows)
    .map(({ name, colour, points }, index) => {
      const present = points.filter((value) => value !== undefined)
      const [last, most] = [present.at(-1) ?? Number.NaN, Math.max(...present)]
      const y = top + index * legendRow
      const more = index === rows - 1 && lines.length > rows ? `   (and ${lines.length - rows} below)` : ''
      const values = `last ${inUnit(last, unit)} · max ${inUnit(most, unit)}`
      return `<rect x="${box.x + 12}" y="${y - 6}" width="14" height="4" fill="${colour}"/>${text(box.x + 32, y, name + more)}${text(box.x + box.w - 14, y, values, 'text-anchor="end" fill="#555"')}`
    })
    .join('\n')
}

function path(line: Line, xOf: (at: number) => number, yOf: (value: number) => number, steps: boolean): string {
  let drawing = ''
  let lost = true
  for (const [index, value] of line.points.entries()) {
    if (value === undefined) lost = true
    else {
      const [x, y] = [xOf(index).toFixed(1), yOf(value).toFixed(1)]
      drawing += lost ? `M${x} ${y}h0.1` : steps ? `H${x}V${y}` : `L${x} ${y}`
      lost = false
    }
  }
  const dashes = line.reference ? 'stroke-width="2" stroke-dasharray="8 6"' : 'stroke-width="1.5"'
  return `<path d="${drawing}" fill="none" stroke="${line.colour}" stroke-linecap="round" ${dashes}/>`
}

function bars(line: Line, xOf: (at: number) => number, yOf: (value: number) => number, width: number): string {
  return line.points
    .map((value, index) => {
      if (!value) return ''
      const y = yOf(value)
      return `<rect x="${xOf(index).toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(1, width).toFixed(1)}" height="${(yOf(0) - y).toFixed(1)}" fill="${line.colour}" fill-opacity="0.6"/>`
    })
    .join('')
}

/** A band for each line: coloured where it is so, pale where it is not, and nothing where nothing is known. */
function states(lines: readonly Line[], times: Times, box: Box): string {
  const left = box.x + 90
  const width = box.w - 106
  const high = (box.h - 60) / lines.length
  const bands = lines.map(({ name, points }, row) => {
    const y = box.y + 32 + row * high
    const changes = [...points.keys()].filter((at) => at === 0 || points[at] !== points[at - 1])
    const cells = changes.map((begin, index) => {
      const value = points[begin]
      if (value === undefined) return ''
      const [x, end] = [begin, changes[index + 1] ?? points.length - 1].map(
        (at) => left + (width * at) / (points.length - 1),
      )
      const fill = value === 0 ? '#e4e9ef' : '#1a56b0'
      return `<rect x="${x?.toFixed(1)}" y="${y + 3}" width="${((end ?? 0) - (x ?? 0)).toFixed(1)}" height="${(high - 6).toFixed(1)}" fill="${fill}"/>`
    })
    return text(left - 8, y + high / 2 + 4, name, 'text-anchor="end"') + cells.join('')
  })
  return [...bands, timeTicks(times, left, width, box.y + box.h - 12)].join('\n')
}
