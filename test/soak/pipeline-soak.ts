import { appendFileSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { BrokerSide } from '../faults/broker-side.ts'
import { ownBroker } from '../support/broker.ts'
import { bundles, compareLines } from '../support/workspace.ts'
import { chaos, type Event } from './chaos.ts'
import { Member } from './member.ts'

export interface SoakOptions {
  readonly durationMs: number
  readonly seed: number
  readonly say: (line: string) => void
}

/** What became of every line. */
export interface Ledger {
  readonly lines: number
  readonly written: number
  /** Neither written nor dead. */
  readonly missing: number
  readonly dead: number
  /** Written, and never in the input. */
  readonly strangers: number
  /** Written once more than once, and how many may be, after so many faults. */
  readonly repeats: number
  readonly mostRepeats: number
  /** Left in the queues. */
  readonly queued: number
  readonly checkpoint: number
  readonly inputBytes: number
  readonly events: Readonly<Record<Event, number>>
  readonly lives: number
  /** What does not hold; empty if all does. */
  readonly problems: readonly string[]
}

const linesPerStep = 50
const stepMs = 50
/** So long may it take until all is written once the harm is over. */
const drainMs = 90_000
/** window + checkpointLines, and prefetch, by default. */
const repeatsOfProducer = 2000
const repeatsOfConsumer = 1000

/** Producer, broker and two consumers at work while they are killed, paused and cut off; then a drain and the count. */
export async function soak({ durationMs, seed, say }: SoakOptions): Promise<Ledger> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-soak-')))
  const path = (name: string) => join(folder, name)
  const built = await bundles()
  const broker = await ownBroker()
  const members: Member[] = []
  const begin = (name: string, bundle: string) => {
    const env = { AMQP_URL: broker.url, INPUT_PATH: path('input.txt'), OUTPUT_PATH: path('output.txt') }
    const member = new Member(name, built.of(bundle), { ...env, KEDAFN_CHECKPOINT_PATH: path('checkpoint') }, folder)
    members.push(member)
    return member
  }
  try {
    const generator = new Generator(path('input.txt'), seed)
    const producer = begin('producer', 'log-producer')
    const consumers = ['consumer 1', 'consumer 2'].map((name) => begin(name, 'log-consumer'))
    const events = await chaos({ broker, members, seed, durationMs, say })
    generator.stop()
    say(`${generator.lines.length} lines; draining`)
    const drained = await drain(path, generator.lines, broker.url)
    await producer.end()
    await Promise.all(consumers.map((consumer) => consumer.end()))
    const problems = [...(drained ? [] : ['it did not drain in time']), ...members.flatMap((one) => one.problems)]
    const lives = members.reduce((sum, member) => sum + member.lives, 0)
    return await count(path, generator.lines, broker.url, { events, lives, problems })
  } finally {
    await Promise.all(members.map((member) => member.dispose()))
    await broker.dispose()
    built.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Appends numbered lines at a steady rate. */
class Generator {
  readonly lines: string[] = []
  readonly #timer: NodeJS.Timeout

  constructor(path: string, seed: number) {
    appendFileSync(path, '')
    this.#timer = setInterval(() => {
      const from = this.lines.length
      const fresh = Array.from({ length: linesPerStep }, (_, i) => `${seed} line ${`${from + i}`.padStart(9, '0')}`)
      this.lines.push(...fresh)
      appendFileSync(path, `${fresh.join('\n')}\n`)
    }, stepMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

type Path = (name: string) => string

const linesOf = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'latin1')
        .split('\n')
        .filter((line) => line !== '')
    : []

const checkpointOf = (path: Path): number =>
  existsSync(path('checkpoint'))
    ? decodeCheckpoint(readFileSync(path('checkpoint'), 'utf8'), 'the checkpoint').offset
    : 0

/** True once the input is checkpointed, every line written or dead, and nothing waits. */
async function drain(path: Path, lines: readonly string[], url: string): Promise<boolean> {
  const side = await BrokerSide.at(url)
  try {
    for (const deadline = Date.now() + drainMs; Date.now() < deadline; await delay(200)) {
      if (checkpointOf(path) !== statSync(path('input.txt')).size || (await queued(side)) > 0) continue
      if (new Set(linesOf(path('output.txt'))).size + (await side.ready('logs.dead')) >= lines.length) return true
    }
    return false
  } finally {
    await side.close()
  }
}

async function queued(side: BrokerSide): Promise<number> {
  const queues = ['logs', ...[1000, 2000, 4000, 8000].map((delayMs) => `logs.retry.${delayMs}`)]
  let sum = 0
  for (const queue of queues) sum += await side.ready(queue)
  return sum
}

async function count(
  path: Path,
  lines: readonly string[],
  url: string,
  { events, lives, problems }: Pick<Ledger, 'events' | 'lives' | 'problems'>,
): Promise<Ledger> {
  const side = await BrokerSide.at(url)
  try {
    const left = await queued(side)
    const dead = (await side.takeAll('logs.dead')).map(({ line }) => line)
    const output = linesOf(path('output.txt'))
    const { missing, strangers } = compareLines(lines, [...output, ...dead])
    const written = new Set(output).size
    const cuts = events['connections closed'] + events['broker restarted']
    const ledger = {
      lines: lines.length,
      written,
      missing,
      dead: new Set(dead).size,
      strangers,
      repeats: output.length - written,
      mostRepeats: (events.crash + cuts) * repeatsOfProducer + (events.crash + 2 * cuts) * repeatsOfConsumer,
      queued: left,
      checkpoint: checkpointOf(path),
      inputBytes: statSync(path('input.txt')).size,
      events,
      lives,
    }
    return { ...ledger, problems: [...problems, ...broken(ledger)] }
  } finally {
    await side.close()
  }
}

function broken(ledger: Omit<Ledger, 'problems'>): string[] {
  const { missing, strangers, repeats, mostRepeats, queued, checkpoint, inputBytes } = ledger
  return [
    ...(missing > 0 ? [`${missing} lines are lost`] : []),
    ...(strangers > 0 ? [`${strangers} lines were never in the input`] : []),
    ...(repeats > mostRepeats ? [`${repeats} repeats, at most ${mostRepeats} can be explained`] : []),
    ...(queued > 0 ? [`${queued} messages are left in the queues`] : []),
    ...(checkpoint !== inputBytes ? [`the checkpoint is at ${checkpoint}, the input ends at ${inputBytes}`] : []),
  ]
}
