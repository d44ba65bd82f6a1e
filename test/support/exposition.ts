import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { FunctionProcess } from './function-process.ts'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One answer of `/metrics`, read by the rules of Prometheus' text format 0.0.4. */
export class ExpositionText {
  /** Kind by name of the family, in order. */
  readonly families = new Map<string, string>()
  readonly samples: Sample[] = []
  readonly text: string

  /** @throws AssertionError for what the format does not allow */
  constructor(text: string) {
    this.text = text
    assert.ok(text.endsWith('\n'))
    const seen = new Set<string>()
    const helped = new Set<string>()
    for (const line of text.split('\n')) {
      if (line.startsWith('# HELP ')) {
        const [name = ''] = line.slice(7).split(' ')
        assert.ok(!helped.has(name), `a second HELP of ${name}`)
        helped.add(name)
      } else if (line.startsWith('# TYPE ')) {
        const [name = '', type = ''] = line.slice(7).split(' ')
        assert.ok(!this.families.has(name), `a second family ${name}`)
        assert.ok(helped.has(name), `no HELP of ${name}`)
        this.families.set(name, type)
      } else if (line !== '' && !line.startsWith('#')) {
        const sample = sampleOf(line)
        const series = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`
        assert.ok(!seen.has(series), `a second ${series}`)
        seen.add(series)
        assert.equal(
          this.#familyOf(sample.name),
          [...this.families.keys()].at(-1),
          `${sample.name} is not in its family`,
        )
        this.samples.push(sample)
      }
    }
  }

  /** The sum of all samples of that name that have these labels. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const found = this.samples.filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    assert.notEqual(found.length, 0, `there is no ${name} ${JSON.stringify(labels)}`)
    return found.reduce((sum, { value }) => sum + value, 0)
  }

  #familyOf(name: string): string {
    if (this.families.has(name)) return name
    const base = name.replace(/_(bucket|sum|count)$/, '')
    return ['histogram', 'summary'].includes(this.families.get(base) ?? '') ? base : name
  }
}

function sampleOf(line: string): Sample {
  const parts = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  assert.ok(parts, `not a sample: ${line}`)
  const [, name = '', list = '', number = ''] = parts
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number)
  assert.ok(!Number.isNaN(value) || number === 'Nan' || number === 'NaN', `not a number: ${line}`)
  const labels: Record<string, string> = {}
  let rest = list
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest)
    assert.ok(label, `not a label: ${rest}`)
    const [whole, key = '', escaped = ''] = label
    labels[key] = escaped.replace(/\\(.)/g, (_match, character) => (character === 'n' ? '\n' : character))
    rest = rest.slice(whole.length)
  }
  return { name, labels, value }
}

/** Asks a function's process for `path`, at the port that it logs. */
export async function ask(
  running: FunctionProcess,
  path: string,
): Promise<{ status: number | undefined; body: string }> {
  await running.logged('answering probes')
  const port = Number(running.entries.find(({ message }) => message === 'answering probes')?.port)
  const asking = request({ host: '127.0.0.1', port, path, agent: false })
  asking.end()
  const [response] = await once(asking, 'response')
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { status: response.statusCode, body }
}

/** What it shows right now. */
export async function scrape(running: FunctionProcess): Promise<ExpositionText> {
  const { status, body } = await ask(running, '/metrics')
  assert.equal(status, 200, body)
  return new ExpositionText(body)
}
