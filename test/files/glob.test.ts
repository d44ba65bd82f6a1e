import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkSpec, type ProducerConfig, readConfig } from '../../runtime/core/config.ts'
import { FnError } from '../../runtime/core/errors.ts'
import type { EnvSpec, ProducerSpec } from '../../runtime/core/spec.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { memoryBroker } from '../../runtime/doubles/broker.ts'
import { settle, TestClock } from '../../runtime/doubles/clock.ts'
import { checkpointPathOf, type FinderOptions, GlobFinder } from '../../runtime/files/glob.ts'
import type { CheckpointStore } from '../../runtime/ports.ts'
import { ProducerLoops } from '../../runtime/produce-all.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { countingInstruments } from '../../runtime/telemetry/instruments.ts'
import { openFiles } from './reading.ts'
import { RecordingLog, workspace } from './workspace.ts'

const options = { timeout: 20_000 }
const wait = { interval: 2, timeout: 10_000 }

/** A producer of the files `logs/*.log` of a new directory, with a broker in memory. */
class Producer {
  readonly directory: string
  readonly broker = memoryBroker({ clock: systemClock })
  readonly log = new RecordingLog()
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
    this.directory = workspace(t)
    mkdirSync(join(this.directory, 'logs'))
  }

  path(name: string): string {
    return join(this.directory, 'logs', name)
  }

  /** What was sent of each file, in order. */
  get sent(): Record<string, string[]> {
    const files: Record<string, string[]> = {}
    for (const { body } of this.broker.ready('logs')) {
      const [file = '', line = ''] = Buffer.from(body).toString().split(' ')
      files[file] = [...(files[file] ?? []), line]
    }
    return files
  }

  start(once: boolean, more: Partial<FinderOptions> = {}) {
    const checkpointPath = join(this.directory, 'producer.checkpoint')
    const finding = { pattern: this.path('*.log'), once, checkpointPath, clock: systemClock, log: this.log, pollMs: 5 }
    const source = { kind: 'lines', path: finding.pattern } as const
    const map: ProducerSpec<unknown, EnvSpec>['map'] = (line) => ({ body: line.bytes })
    const spec = checkSpec('fn', { source, queue: 'logs', map }) as ProducerSpec<unknown, EnvSpec>
    const config = readConfig('fn', spec, { KEDAFN_CHECKPOINT_MS: '1' }) as ProducerConfig
    const publisher = this.broker.publisher({
      window: 10,
      windowBytes: 2 ** 20,
      topology: topologyOf('logs', 'logs', []),
    })
    const instruments = countingInstruments()
    const finder = new GlobFinder({ ...finding, ...more })
    const parts = { config, spec, publisher, clock: systemClock, log: this.log, instruments }
    const loops = new ProducerLoops({ ...parts, finder })
    const done = loops.run()
    this.#t.after(() => {
      loops.drain()
      return done.catch(() => {})
    })
    return { loops, done, counters: instruments.counters }
  }

  async until(expected: Record<string, string[]>): Promise<void> {
    await this.#t.waitFor(() => assert.deepEqual(this.sent, expected), wait)
  }
}

const lines = (file: string, ...texts: string[]): string => texts.map((text) => `${file} ${text}\n`).join('')
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)

test('all files that match are sent to their end, each in its order, and nothing else', options, async (t) => {
  const producer = new Producer(t)
  const names = ['a', 'b', 'c']
  for (const name of names) writeFileSync(producer.path(`${name}.log`), lines(name, ...numbers(500)))
  writeFileSync(producer.path('other.txt'), lines('other', '1'))
  mkdirSync(producer.path('directory.log'))
  symlinkSync('a.log', producer.path('link.txt'))
  const before = openFiles()
  const { done, counters } = producer.start(true)
  await done
  assert.deepEqual(producer.sent, { a: numbers(500), b: numbers(500), c: numbers(500) })
  assert.deepEqual([counters.sent, counters.confirmed], [1500, 1500])
  // The one that the system's watches share stays.
  assert.ok(openFiles() <= before + 1)
  const ids = producer.broker.ready('logs').map(({ messageId }) => messageId)
  assert.equal(new Set(ids).size, 1500)
})

test(
  'when another producer took over one of the files, all are closed and nothing is saved any more',
  options,
  async (t) => {
    const producer = new Producer(t)
    const before = openFiles()
    for (const name of ['a', 'b', 'c']) writeFileSync(producer.path(`${name}.log`), lines(name, '1'))
    let saves = 0
    const guard = (store: CheckpointStore): CheckpointStore => ({
      load: () => store.load(),
      save: async (checkpoint) => {
        saves++
        if (saves === 3) throw new FnError('FN_TAKEN_OVER', 'test')
        await store.save(checkpoint)
      },
    })
    await assert.rejects(producer.start(false, { guard }).done, { code: 'FN_TAKEN_OVER' })
    // The one that the system's watches share stays; closing a file takes a moment.
    await t.waitFor(() => assert.ok(openFiles() <= before + 1), wait)
    assert.equal(saves, 3)
  },
)

test('each file has its own checkpoint: the next run sends only what is new', options, async (t) => {
  const producer = new Producer(t)
  for (const name of ['a', 'b']) writeFileSync(producer.path(`${name}.log`), lines(name, '1'))
  await producer.start(true).done
  const stored = readdirSync(join(producer.directory, 'producer.checkpoint.d'))
  assert.equal(stored.length, 2)
  assert.ok(stored.every((name) => /^[ab]\.log-[0-9a-f]{16}\.checkpoint$/.test(name)))
  appendFileSync(producer.path('b.log'), lines('b', '2'))
  writeFileSync(producer.path('c.log'), lines('c', '1'))
  await producer.start(true).done
  assert.deepEqual(producer.sent, { a: ['1'], b: ['1', '2'], c: ['1'] })
})

test(
  'files that appear later are followed, also one after the other and in place of one that went',
  options,
  async (t) => {
    const producer = new Producer(t)
    const { loops, done } = producer.start(false)
    await t.waitFor(() => assert.equal(producer.log.lines[0]?.message, 'no file matches yet: waiting for one'), wait)
    writeFileSync(producer.path('a.log'), lines('a', '1'))
    await producer.until({ a: ['1'] })
    writeFileSync(producer.path('b.log'), lines('b', '1'))
    appendFileSync(producer.path('a.log'), lines('a', '2'))
    await producer.until({ a: ['1', '2'], b: ['1'] })
    renameSync(producer.path('a.log'), producer.path('a.log.1'))
    writeFileSync(producer.path('a.log'), lines('a', '3'))
    await producer.until({ a: ['1', '2', '3'], b: ['1'] })
    loops.drain()
    await done
  },
)

test('a new file is noticed without waiting for the poll', options, async (t) => {
  const producer = new Producer(t)
  const { clock, log } = { clock: new TestClock(), log: producer.log }
  const checkpointPath = join(producer.directory, 'c')
  const finder = new GlobFinder({ pattern: producer.path('*.log'), once: false, checkpointPath, clock, log })
  t.after(() => finder.close())
  const next = finder.next(new AbortController().signal)
  await t.waitFor(() => assert.equal(clock.waiting, 1), wait)
  writeFileSync(producer.path('a.log'), '')
  assert.equal(await next, producer.path('a.log'))
})

test(
  'a file that is deleted is read to its end and let go, and one that has its name later is read',
  options,
  async (t) => {
    const producer = new Producer(t)
    writeFileSync(producer.path('a.log'), lines('a', '1'))
    const before = openFiles()
    producer.start(false)
    await producer.until({ a: ['1'] })
    const open = openFiles()
    rmSync(producer.path('a.log'))
    await t.waitFor(() => assert.ok(openFiles() < open), wait)
    writeFileSync(producer.path('a.log'), lines('a', '2'))
    await producer.until({ a: ['1', '2'] })
    assert.ok(openFiles() >= before)
  },
)

test('no more files are open at once than allowed, and all are sent', options, async (t) => {
  const producer = new Producer(t)
  const expected: Record<string, string[]> = {}
  for (const n of numbers(40)) {
    writeFileSync(producer.path(`${n}.log`), lines(`f${n}`, '1', '2'))
    expected[`f${n}`] = ['1', '2']
  }
  await producer.start(true, { maxFiles: 3 }).done
  assert.deepEqual(producer.sent, expected)
  const { directory, log } = producer
  const finding = { pattern: producer.path('*.log'), once: true, checkpointPath: directory, clock: systemClock, log }
  const finder = new GlobFinder({ ...finding, maxFiles: 3 })
  const { signal } = new AbortController()
  const first = [await finder.next(signal), await finder.next(signal), await finder.next(signal)]
  let given = false
  const fourth = finder.next(signal).then((path) => {
    given = true
    return path
  })
  await settle()
  assert.equal(given, false)
  finder.ended(`${first[1]}`)
  assert.ok(!first.includes(await fourth))
})

test('with too many files to follow a warning says that some wait', options, async (t) => {
  const producer = new Producer(t)
  for (const name of ['a', 'b', 'c']) writeFileSync(producer.path(`${name}.log`), lines(name, '1'))
  producer.start(false, { maxFiles: 2 })
  await producer.until({ a: ['1'], b: ['1'] })
  await t.waitFor(() => assert.equal(producer.log.of('warn').length, 1), wait)
  assert.deepEqual(producer.log.of('warn')[0]?.fields, { pattern: producer.path('*.log'), maxFiles: 2 })
  rmSync(producer.path('a.log'))
  await producer.until({ a: ['1'], b: ['1'], c: ['1'] })
})

test('a pattern that matches nothing is refused if nothing may come later', options, async (t) => {
  const producer = new Producer(t)
  await assert.rejects(producer.start(true).done, {
    code: 'FN_SOURCE_UNREADABLE',
    message: `the input file cannot be read: no file matches ${producer.path('*.log')}`,
  })
})

test('a damaged checkpoint of one file ends all, and what was sent is checkpointed no further', options, async (t) => {
  const producer = new Producer(t)
  for (const name of ['a', 'b']) writeFileSync(producer.path(`${name}.log`), lines(name, '1'))
  await producer.start(true).done
  const damaged = checkpointPathOf(join(producer.directory, 'producer.checkpoint'), producer.path('b.log'))
  assert.ok(existsSync(damaged))
  writeFileSync(damaged, 'x')
  const before = openFiles()
  await assert.rejects(producer.start(false).done, { code: 'FN_CHECKPOINT_UNUSABLE' })
  await t.waitFor(() => assert.ok(openFiles() <= before), wait)
  assert.equal(producer.broker.sessions.size, 0)
})

test('a drain ends all at once, also while it waits for files', options, async (t) => {
  const producer = new Producer(t)
  const { loops, done } = producer.start(false, { pollMs: 60_000 })
  loops.drain()
  await done
  assert.deepEqual(producer.sent, {})
})
