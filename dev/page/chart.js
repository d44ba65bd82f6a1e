/** Lines over time, drawn by uPlot, with a legend that says the values in words for those who do not see them. */
import uPlot from '../../node_modules/uplot/dist/uPlot.esm.js'

const axisWidth = 46
const timeHeight = 22

const swatch = document.createElement('span')
swatch.hidden = true
document.body.append(swatch)

/** A canvas knows no variables: an element says what one is right now, in the light or in the dark. */
function colourOf(name) {
  swatch.style.color = `var(--${name})`
  return getComputedStyle(swatch).color
}

/** 1234567 as 1,234,567. */
export const count = (value) => Math.round(value).toLocaleString('en-US')

/** A round number at or above `value`, so that an axis ends well. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((round) => round >= value) ?? value
}

const short = (value) => {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`
  if (value >= 10_000) return `${+(value / 1000).toFixed(1)}k`
  return String(+value.toFixed(value < 10 ? 1 : 0))
}

const shownAge = (seconds) => {
  if (seconds === 0) return 'now'
  return seconds < 120 ? `−${Math.round(seconds)} s` : `−${Math.round(seconds / 60)} min`
}

const line = {
  grid: { stroke: () => colourOf('line'), width: 1 },
  stroke: () => colourOf('faint'),
  ticks: { show: false },
}

/** Between two whole numbers there is none to name. */
const marks = (top) => [0, top / 2, top].filter((value) => top >= 10 || Number.isInteger(value))

export class Chart {
  #plot
  #box = document.createElement('div')
  #told = []
  #series
  #title
  #visible = []
  #spanSeconds = 60

  /** @param series each with `label`, `colour`, `of(sample)`, and `dashed`, `step`, `shown(value)` if it is so */
  constructor(parent, title, series) {
    this.#title = title
    this.#series = series
    const box = document.createElement('div')
    box.className = 'chart'
    this.#box.className = 'plot'
    box.append(this.#legend(), this.#box)
    parent.append(box)
    this.#plot = new uPlot(this.#options(), [[], ...series.map(() => [])], this.#box)
    this.#plot.root.setAttribute('role', 'img')
  }

  /** @param samples those whose time is shown, of the last `spanSeconds` */
  draw(samples, spanSeconds) {
    const to = samples.at(-1)?.atMs ?? 0
    this.#spanSeconds = spanSeconds
    this.#visible = samples.filter(({ atMs }) => atMs >= to - spanSeconds * 1000 - 1000)
    const { clientWidth: width, clientHeight: height } = this.#box
    if (width !== this.#plot.width || height !== this.#plot.height) this.#plot.setSize({ width, height })
    const times = this.#visible.map(({ atMs }) => (atMs - to) / 1000)
    this.#plot.setData([times, ...this.#series.map(({ of }) => this.#visible.map(of))])
    this.#tell()
  }

  #legend() {
    const legend = document.createElement('p')
    legend.className = 'legend'
    const name = document.createElement('b')
    name.textContent = this.#title
    legend.append(name)
    for (const { label, colour, dashed } of this.#series) {
      const entry = document.createElement('span')
      entry.className = dashed ? 'dashed' : ''
      const mark = document.createElement('i')
      mark.style.color = `var(--${colour})`
      const value = document.createElement('span')
      entry.append(mark, `${label} `, value)
      legend.append(entry)
      this.#told.push(value)
    }
    return legend
  }

  #options() {
    const top = (highest) => roundUp(Math.max(1, highest ?? 0))
    const quarters = () => [3, 2, 1, 0].map((third) => (-this.#spanSeconds * third) / 3)
    return {
      width: this.#box.clientWidth,
      height: this.#box.clientHeight,
      padding: [6, 18, 0, 0],
      legend: { show: false },
      // What the pointer is at in one chart is told in all of them.
      cursor: { y: false, drag: { x: false }, points: { show: false }, sync: { key: 'time' } },
      scales: {
        x: { time: false, range: () => [-this.#spanSeconds, 0] },
        y: { range: (_plot, _lowest, highest) => [0, top(highest)] },
      },
      axes: [
        {
          ...{ ...line, grid: { show: false }, size: timeHeight, gap: 8, font: '11px system-ui' },
          splits: quarters,
          values: (_plot, seconds) => seconds.map((second) => shownAge(Math.abs(second))),
        },
        {
          ...{ ...line, size: axisWidth, gap: 4, font: '11px system-ui' },
          splits: (_plot, _axis, _lowest, highest) => marks(highest),
          values: (_plot, values) => values.map(short),
        },
      ],
      series: [
        {},
        ...this.#series.map(({ colour, dashed, step }) => ({
          stroke: () => colourOf(colour),
          width: 2,
          points: { show: false },
          ...(dashed ? { dash: [5, 4] } : {}),
          ...(step ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
        })),
      ],
      hooks: { setCursor: [() => this.#tell()] },
    }
  }

  /** Says the values where the pointer is, else the last ones. */
  #tell() {
    const sample = this.#visible[this.#plot?.cursor.idx ?? -1] ?? this.#visible.at(-1)
    if (!sample) return
    const words = this.#series.map(({ label, of, shown = count }, index) => {
      const value = of(sample)
      const text = value === null ? '–' : shown(value)
      this.#told[index].textContent = text
      return `${label} ${text}`
    })
    this.#plot.root.setAttribute('aria-label', `${this.#title}: ${words.join(', ')}`)
  }
}
