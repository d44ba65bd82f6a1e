/** npm run dashboards:picture: what a dashboard shows of a Prometheus, without a Grafana. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describe } from '../../runtime/core/errors.ts'
import { UsageError } from '../arguments.ts'
import { readDashboards } from './dashboards.ts'
import { type Picture, pictureOf } from './picture.ts'
import { Prometheus } from './prometheus.ts'

const root = join(import.meta.dirname, '..', '..')

const help = `Draws a dashboard of manifests/monitoring/dashboards from what a Prometheus answers.

Usage: npm run dashboards:picture -- DASHBOARD [options]

  --prometheus URL  where it is (default: http://127.0.0.1:9090)
  --last S          the last so many seconds (default: 3600)
  --from S, --to S  another range, in seconds since 1970
  --scrape S        the interval at which it scrapes, of which $__rate_interval is four (default: 15)
  --var NAME=VALUE  a variable of the dashboard; those that take several stand for all if not set
  --out FILE        .svg, or .png by the chromium of this machine (default: DASHBOARD.svg)
  --help, -h        this text

Exit code: 0 drawn, 1 Prometheus does not answer, 2 something to mend in the arguments.
`

const options = {
  prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
  last: { type: 'string', default: '3600' },
  from: { type: 'string', default: '' },
  to: { type: 'string', default: '' },
  scrape: { type: 'string', default: '15' },
  var: { type: 'string', multiple: true, default: [] as string[] },
  out: { type: 'string', default: '' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** About as many points as a wide panel has pixels for. */
const points = 400

function numberOf(name: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${name} takes a number of seconds, not '${text}'`)
  return Number(text)
}

function valuesOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`--var takes NAME=VALUE, not '${pair}'`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function write({ svg, width, height }: Picture, path: string): void {
  if (!path.endsWith('.png')) {
    writeFileSync(path, svg)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-picture-'))
  try {
    writeFileSync(join(folder, 'picture.html'), `<body style="margin:0">${svg}</body>`)
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${folder}/user`]
    const size = `--window-size=${width},${height}`
    const page = `file://${folder}/picture.html`
    const { status, stderr, error } = spawnSync('chromium', [...flags, size, `--screenshot=${path}`, page], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new UsageError(`chromium: ${error?.message ?? stderr}; a .svg needs none`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function parse(): ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>> {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${describe(error)}\nnpm run dashboards:picture -- --help shows what there is`)
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parse()
  if (values.help) return void process.stdout.write(help)
  const dashboards = readDashboards(root)
  const [name = ''] = positionals
  const dashboard = dashboards.get(name)
  if (!dashboard)
    throw new UsageError(`there is no dashboard '${name}'; there are ${[...dashboards.keys()].join(', ')}`)
  const now = Math.floor(Date.now() / 1000)
  const to = values.to === '' ? now : numberOf('to', values.to)
  const from = values.from === '' ? to - numberOf('last', values.last) : numberOf('from', values.from)
  if (to <= from) throw new UsageError('--to is not after --from')
  const step = Math.max(1, Math.ceil((to - from) / points))
  const rateInterval = `${Math.max(4 * numberOf('scrape', values.scrape), step)}s`
  const picture = await pictureOf(
    dashboard,
    new Prometheus(values.prometheus),
    { from, to, step },
    {
      values: valuesOf(values.var),
      rateInterval,
    },
  )
  const path = resolve(values.out || `${name}.svg`)
  write(picture, path)
  process.stdout.write(`${path}\n`)
  if (picture.empty.length > 0) process.stderr.write(`without data: ${picture.empty.join('; ')}\n`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
