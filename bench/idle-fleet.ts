/**
 * What npm start costs when there is nothing to do and every consumer sleeps, npm and the broker apart; and how long it takes from the
 * command to a function that went from 0 to N and back.
 *
 *   node bench/idle-fleet.ts [--seconds 30] [--fast 10]
 *
 * Linux only: processor time and memory are read from /proc. The broker is a private one of this repository, or that of AMQP_URL.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, fast: { type: 'string', default: '10' } },
})
const seconds = Number(values.seconds)
const lines = 5000
/** n.b. USER_HZ is 100 on all of Node's platforms. */
const ticksPerSecond = 100
const most = { corePercent: 3, memoryMb: 250 }

const folder = mkdtempSync(join(tmpdir(), 'kedafn-idle-'))
const [input, output] = [join(folder, 'in'), join(folder, 'out')]
writeFileSync(input, 'first\n')
const begun = performance.now()
const elapsed = (): string => `${((performance.now() - begun) / 1000).toFixed(1)} s`
const root = join(import.meta.dirname, '..')
const args = ['dev/start.ts', '--json', '--fast', values.fast, '--input', input, '--output', output]
const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })

type Event = Readonly<Record<string, unknown>>
const heard: Event[] = []
createInterface({ input: child.stdout }).on('line', (line) => heard.push(JSON.parse(line) as Event))

async function until(what: string, holds: () => boolean, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${what} did not come`)
    await wait(50)
  }
}

const lastOf = (event: string): Event | undefined => heard.findLast((one) => one.event === event)
const isAsleep = (): boolean => lastOf('scale')?.replicas === 0

function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Pages that several processes share count in parts for each. */
function memoryMbOf(pid: number): number {
  return Number(/^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
}

function living(): readonly { readonly name: string; readonly pid: number }[] {
  const pids = new Map<string, number>()
  for (const { event, name, pid } of heard) {
    if (event !== 'process') continue
    if (typeof pid === 'number') pids.set(String(name), pid)
    else pids.delete(String(name))
  }
  const own = [{ name: 'npm start', pid: child.pid ?? 0 }, ...[...pids].map(([name, pid]) => ({ name, pid }))]
  return [...own, ...others(new Set(own.map(({ pid }) => pid)))]
}

/** What else npm start has running; the broker is no part of it. */
function others(own: ReadonlySet<number>): readonly { readonly name: string; readonly pid: number }[] {
  return readdirSync('/proc').flatMap((text) => {
    const pid = Number(text)
    if (!(pid > 0) || own.has(pid)) return []
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return parent === child.pid && !/^(sh|beam|rabbitmq)/.test(name) ? [{ name, pid }] : []
    } catch {
      return []
    }
  })
}

async function idle(title: string): Promise<boolean> {
  const processes = living()
  const before = processes.map(({ pid }) => ticksOf(pid))
  const at = performance.now()
  await wait(seconds * 1000)
  const tookS = (performance.now() - at) / 1000
  const rows = processes.map(({ name, pid }, index) => ({
    name,
    corePercent: ((ticksOf(pid) - (before[index] ?? 0)) / ticksPerSecond / tookS) * 100,
    memoryMb: memoryMbOf(pid),
  }))
  const sum = (key: 'corePercent' | 'memoryMb') => rows.reduce((total, row) => total + row[key], 0)
  const total = { name: 'together', corePercent: sum('corePercent'), memoryMb: sum('memoryMb') }
  const shown = [...rows, total].map(
    ({ name, corePercent, memoryMb }) => `  ${name}: ${corePercent.toFixed(1)} % of a core, ${memoryMb.toFixed(0)} MB`,
  )
  process.stdout.write(`${title}, for ${tookS.toFixed(0)} s\n${shown.join('\n')}\n`)
  return total.corePercent < most.corePercent && total.memoryMb < most.memoryMb
}

async function measure(): Promise<boolean> {
  const cores = `${cpus().length} x ${cpus()[0]?.model}`
  process.stdout.write(`node ${process.version}, ${cores}, load ${loadavg()[0]?.toFixed(1)}, --fast ${values.fast}\n`)
  await until('the page', () => lastOf('page') !== undefined)
  process.stdout.write(`${lastOf('start')?.broker}\npage after ${elapsed()}\n`)
  const url = String(lastOf('page')?.url)
  await until('the first sleep', isAsleep)
  process.stdout.write(`0 replicas after ${elapsed()}\n`)
  // n.b. an action takes the page's own token; what a page would do is done.
  const token = /content="([0-9a-f]{32})"/.exec(await (await fetch(url)).text())?.[1] ?? ''
  const headers = { origin: new URL(url).origin, 'x-kedafn-token': token }
  const act = (name: string, body: object) =>
    fetch(url + name, { method: 'POST', headers, body: JSON.stringify(body) }).then((response) => response.text())
  await act('delay', { ms: 5 })
  appendFileSync(input, Array.from({ length: lines }, (_, i) => `line ${i}\n`).join(''))
  await until('a second replica', () => Number(lastOf('scale')?.replicas) > 1)
  const peak = () => Math.max(...heard.filter(({ event }) => event === 'scale').map(({ replicas }) => Number(replicas)))
  await until('the end of the work', () => isAsleep() && lastOf('status')?.written === lines + 1)
  process.stdout.write(`0 -> ${peak()} -> 0 replicas after ${elapsed()}\n`)
  await wait(3000)
  const alone = await idle('asleep, nobody looks')
  const leave = new AbortController()
  const watching = await fetch(`${url}events`, { signal: leave.signal })
  void watching.body?.pipeTo(new WritableStream(), { signal: leave.signal }).catch(() => {})
  await idle('asleep, a page is open')
  leave.abort()
  return alone
}

try {
  const met = await measure()
  process.stdout.write(
    `aim: under ${most.corePercent} % of a core and ${most.memoryMb} MB: ${met ? 'met' : 'MISSED'}\n`,
  )
  process.exitCode = met ? 0 : 1
} finally {
  const gone = once(child, 'exit')
  if (child.exitCode === null) {
    child.kill('SIGTERM')
    await gone
  }
  rmSync(folder, { recursive: true, force: true })
}
