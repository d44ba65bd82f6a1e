import { escaped } from '../svg.ts'
import { type Dashboard, interpolated, panelsOf } from './dashboards.ts'
import { type Answered, type Box, panelPicture, type Times } from './panel-picture.ts'
import type { Prometheus } from './prometheus.ts'

const width = 1560
const head = 40
/** Grafana's: 24 columns, rows of 30 px. */
const column = width / 24
const row = 30

export interface Picture {
  readonly svg: string
  readonly width: number
  readonly height: number
  /** Titles of panels that have nothing to show. */
  readonly empty: readonly string[]
}

/** A dashboard as Grafana would lay it out, drawn from what Prometheus answers. Rejects if it does not accept a query. */
export async function pictureOf(
  dashboard: Dashboard,
  prometheus: Prometheus,
  times: Times,
  asked: { readonly values: Readonly<Record<string, string>>; readonly rateInterval: string },
): Promise<Picture> {
  const answered = await Promise.all(
    panelsOf(dashboard).map(async (panel): Promise<Answered> => {
      const queries = (panel.targets ?? []).map(({ expr }) =>
        interpolated(expr, dashboard, asked.values, asked.rateInterval),
      )
      const answers = await Promise.all(
        queries.map((query) => prometheus.range(query, times.from, times.to, times.step)),
      )
      return { panel, answers }
    }),
  )
  const boxOf = ({ x, y, w, h }: Box): Box => ({ x: x * column, y: head + y * row, w: w * column, h: h * row })
  const height = head + Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * row + 10
  const headings = dashboard.panels
    .filter(({ type }) => type === 'row')
    .map(({ title, gridPos }) => `<text x="8" y="${boxOf(gridPos).y + 21}" font-size="15">${escaped(title)}</text>`)
  const chosen = Object.entries(asked.values).map(([name, value]) => `${name} ${value}`)
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(dashboard.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#f6f6f6"/>`,
    `<text x="8" y="27" font-size="19">${escaped([dashboard.title, ...chosen].join('   ·   '))}</text>`,
    ...headings,
    ...answered.map((one) => panelPicture(one, times, boxOf(one.panel.gridPos))),
    '</svg>',
  ].join('\n')
  const empty = answered.filter(({ answers }) => answers.every((series) => series.length === 0))
  return { svg: `${svg}\n`, width, height, empty: empty.map(({ panel }) => panel.title) }
}
