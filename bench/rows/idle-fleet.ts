import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { type Bench, root } from '../harness/bench.ts'
import type { Sample } from '../harness/result.ts'
import type { Row } from '../harness/row.ts'

const lines = 5000
const fast = 10
/** n.b. USER_HZ is 100 on all of Node's platforms. */
const ticksPerSecond = 100

/** What npm start costs when there is nothing to do and every consumer sleeps, the broker apart; and how long 0 -> N -> 0 takes. */
export const idleFleet: Row = {
  name: 'idle-fleet',
  section: 'Fleet',
  title: 'npm start at rest',
  onRequest: true,
  rounds: { full: 1, quick: 1 },
  async prepare(bench) {
    const shared = { of: 'npm start', to: null, better: 'lower' } as const
    return {
      sides: { 'npm start': () => measure(bench) },
      comparisons: [
        {
          id: 'core',
          what: 'npm start at rest, all processes but the broker',
          metric: 'corePercent',
          unit: '% of a core',
          goal: 3,
          ...shared,
        },
        {
          id: 'memory',
          what: 'npm start at rest, memory of all processes but the broker',
          metric: 'memoryMb',
          unit: 'MB',
          goal: 250,
          ...shared,
        },
        { id: 'page', what: 'from the command to its page', metric: 'pageS', unit: 's', goal: null, ...shared },
        {
          id: 'zero',
          what: `from the command over ${lines.toLocaleString('en')} lines back to 0 replicas, --fast ${fast}`,
          metric: 'zeroS',
          unit: 's',
          goal: null,
          ...shared,
        },
      ],
      warmUp: false,
    }
  },
}

type Event = Readonly<Record<string, unknown>>

/** An `npm start --json` and all that it told. */
class Started {
  readonly child: ChildProcess
  readonly heard: Event[] = []
  readonly begun = performance.now()

  constructor(input: string, output: string) {
    const args = ['dev/start.ts', '--json', '--fast', `${fast}`, '--input', input, '--output', output]
    this.child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    if (!this.child.stdout) throw new Error('npm start has no output')
    createInterface({ input: this.child.stdout }).on('line', (line) => this.heard.push(JSON.parse(line) as Event))
  }

  get elapsedS(): number {
    return (performance.now() - this.begun) / 1000
  }

  lastOf(event: string): Event | undefined {
    return this.heard.findLast((one) => one.event === event)
  }

  get asleep(): boolean {
    return this.lastOf('scale')?.replicas === 0
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 120_000
    while (!holds()) {
      if (this.child.exitCode !== null || performance.now() > deadline) throw new Error(`${what} did not come`)
      await wait(50)
    }
  }

  /** Its own, those of its functions, and what else it has running but for the broker. */
  pids(): readonly number[] {
    const pids = new Map<unknown, number>()
    for (const { event, name, pid } of this.heard) {
      if (event !== 'process') continue
      if (typeof pid === 'number') pids.set(name, pid)
      else pids.delete(name)
    }
    const own = new Set([this.child.pid ?? 0, ...pids.values()])
    return [...own, ...childrenOf(this.child.pid ?? 0).filter((pid) => !own.has(pid))]
  }
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc').flatMap((text) => {
    const pid = Number(text)
    if (!(pid > 0)) return []
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const itsParent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return itsParent === parent && !/^(sh|beam|rabbitmq)/.test(name) ? [pid] : []
    } catch {
      return []
    }
  })
}

async function measure(bench: Bench): Promise<Sample> {
  const folder = mkdtempSync(join(bench.folder, 'idle-'))
  const [input, output] = [join(folder, 'in'), join(folder, 'out')]
  writeFileSync(input, 'first\n')
  const started = new Started(input, output)
  try {
    await started.until('the page', () => started.lastOf('page') !== undefined)
    const pageS = started.elapsedS
    await started.until('the first sleep', () => started.asleep)
    await slowDown(String(started.lastOf('page')?.url))
    appendFileSync(input, Array.from({ length: lines }, (_, index) => `line ${index}\n`).join(''))
    await started.until('a second replica', () => Number(started.lastOf('scale')?.replicas) > 1)
    await started.until('the end of the work', () => started.asleep && started.lastOf('status')?.written === lines + 1)
    const zeroS = started.elapsedS
    await wait(3000)
    return { ...(await atRest(started.pids(), bench.count(20, 5))), pageS, zeroS }
  } finally {
    started.child.kill('SIGTERM')
    if (started.child.exitCode === null) await once(started.child, 'exit')
  }
}

/** n.b. an action takes the page's own token; what a page would do is done. */
async function slowDown(url: string): Promise<void> {
  const token = /content="([0-9a-f]{32})"/.exec(await (await fetch(url)).text())?.[1] ?? ''
  const headers = { origin: new URL(url).origin, 'x-kedafn-token': token }
  await (await fetch(`${url}delay`, { method: 'POST', headers, body: JSON.stringify({ ms: 5 }) })).text()
}

async function atRest(pids: readonly number[], seconds: number): Promise<Sample> {
  const ticks = () => pids.reduce((sum, pid) => sum + ticksOf(pid), 0)
  const [before, at] = [ticks(), performance.now()]
  await wait(seconds * 1000)
  const corePercent = ((ticks() - before) / ticksPerSecond / ((performance.now() - at) / 1000)) * 100
  return { corePercent, memoryMb: pids.reduce((sum, pid) => sum + memoryMbOf(pid), 0) }
}

function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Pages that several processes share count in parts for each. */
function memoryMbOf(pid: number): number {
  return Number(/^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
}
