/** Lines over time on a canvas, with a legend that says the values in words for those who do not see it. */

const axisWidth = 46
const spaceBelow = 16

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

export class Chart {
  #canvas = document.createElement('canvas')
  #values = []
  #series
  #title

  /** @param series each with `label`, `colour`, `of(sample)`, and `dashed`, `step`, `shown(value)` if it is so */
  constructor(parent, title, series) {
    this.#title = title
    this.#series = series
    const box = document.createElement('div')
    box.className = 'chart'
    const legend = document.createElement('p')
    legend.className = 'legend'
    const name = document.createElement('b')
    name.textContent = title
    legend.append(name)
    for (const { label, colour, dashed } of series) {
      const entry = document.createElement('span')
      entry.className = dashed ? 'dashed' : ''
      const mark = document.createElement('i')
      mark.style.color = `var(--${colour})`
      const value = document.createElement('span')
      entry.append(mark, `${label} `, value)
      legend.append(entry)
      this.#values.push(value)
    }
    this.#canvas.setAttribute('role', 'img')
    box.append(legend, this.#canvas)
    parent.append(box)
  }

  get canvas() {
    return this.#canvas
  }

  /** @param at the sample that the legend tells of; null: the last one */
  draw(samples, from, to, at) {
    const canvas = this.#canvas
    const ratio = window.devicePixelRatio || 1
    const { clientWidth: width, clientHeight: height } = canvas
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio
      canvas.height = height * ratio
    }
    const context = canvas.getContext('2d')
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    const visible = samples.filter(({ atMs }) => atMs >= from - 1000)
    const values = visible.flatMap((sample) => this.#series.map(({ of }) => of(sample) ?? 0))
    const top = roundUp(Math.max(1, ...values))
    const x = (ms) => axisWidth + ((ms - from) / (to - from)) * (width - axisWidth - 2)
    const y = (value) => 6 + (1 - value / top) * (height - spaceBelow - 6)
    this.#axes(context, { width, x, y, top, from, to })
    context.save()
    context.beginPath()
    context.rect(axisWidth, 0, width - axisWidth, height)
    context.clip()
    for (const one of this.#series) line(context, visible, one, x, y)
    context.restore()
    const told = at ?? samples.at(-1)
    if (at) rule(context, x(at.atMs), height)
    this.#tell(told)
  }

  #axes(context, { width, x, y, top, from, to }) {
    context.font = '11px system-ui, sans-serif'
    context.fillStyle = colourOf('faint')
    context.strokeStyle = colourOf('line')
    context.lineWidth = 1
    context.textAlign = 'right'
    context.textBaseline = 'middle'
    for (const value of [0, top / 2, top]) {
      // Between two whole numbers there is none to name.
      if (top < 10 && !Number.isInteger(value)) continue
      context.beginPath()
      context.moveTo(axisWidth, y(value))
      context.lineTo(width, y(value))
      context.stroke()
      context.fillText(short(value), axisWidth - 6, y(value))
    }
    const stepMs = (to - from) / 3
    context.textBaseline = 'top'
    for (let step = 0; step <= 3; step++) {
      const ms = from + step * stepMs
      context.textAlign = ['left', 'center', 'center', 'right'][step]
      context.fillText(step === 3 ? 'now' : `−${shownAge(to - ms)}`, x(ms), y(0) + 4)
    }
  }

  #tell(sample) {
    if (!sample) return
    const words = this.#series.map(({ label, of, shown = count }, index) => {
      const value = of(sample)
      const text = value === null ? '–' : shown(value)
      this.#values[index].textContent = text
      return `${label} ${text}`
    })
    this.#canvas.setAttribute('aria-label', `${this.#title}: ${words.join(', ')}`)
  }
}

const shownAge = (ms) => (ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`)

function rule(context, at, height) {
  context.strokeStyle = colourOf('faint')
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(at, 0)
  context.lineTo(at, height - spaceBelow)
  context.stroke()
}

function line(context, samples, { of, colour, dashed, step }, x, y) {
  context.strokeStyle = colourOf(colour)
  context.lineWidth = 2
  context.lineJoin = 'round'
  context.setLineDash(dashed ? [5, 4] : [])
  context.beginPath()
  let before = null
  for (const sample of samples) {
    const value = of(sample)
    if (value === null) {
      before = null
      continue
    }
    if (before === null) context.moveTo(x(sample.atMs), y(value))
    else {
      if (step) context.lineTo(x(sample.atMs), y(before))
      context.lineTo(x(sample.atMs), y(value))
    }
    before = value
  }
  context.stroke()
  context.setLineDash([])
}
