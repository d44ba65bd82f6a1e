import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { ask, ExpositionText } from '../support/exposition.ts'
import type { FunctionProcess } from '../support/function-process.ts'
import { ready, send } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

/** `npm run soak:series` scrapes each second for that long; without it a few rounds are enough to see a series that grows. */
const minutes = Number(process.env.KEDAFN_SERIES_MINUTES ?? 0)
const pauseMs = minutes > 0 ? 1000 : 0
const rounds = minutes > 0 ? minutes * 60 : 8
/** What is kept of memory shows after a collection alone: one every so many rounds. */
const collectEvery = minutes > 0 ? 30 : 2
const distinctErrors = 1000
const messagesPerRound = 150

const vhost = await openVhost('soak-series')
after(() => vhost.dispose())
const poll = { interval: 20, timeout: 60_000 }
/** The one label that a person chooses freely, with all that has a meaning in the text of an exposition. */
const serviceName = 'odd "name" \\ {le="1"} # \u00fc'
const queue = 'failing'

interface Shown {
  readonly series: number
  readonly bytes: number
  readonly ms: number
  readonly residentBytes: number
  readonly text: ExpositionText
}

async function shown(running: FunctionProcess): Promise<Shown> {
  const begun = performance.now()
  const { status, body } = await ask(running, '/metrics')
  const ms = performance.now() - begun
  assert.equal(status, 200, body)
  const text = new ExpositionText(body)
  // Not those of Node.js: a kind of garbage collection that came for the first time is a series more.
  const series = text.samples.filter(({ name }) => !/^(nodejs|process)_/.test(name)).length
  return { series, bytes: body.length, ms, residentBytes: text.value('process_resident_memory_bytes'), text }
}

async function failing(t: TestContext): Promise<FunctionProcess> {
  const repository = copyRepository(t)
  repository.write(
    'functions/failing/function.ts',
    `import { setFlagsFromString } from 'node:v8'
     import { runInNewContext } from 'node:vm'
     import { defineConsumer, text } from '#runtime'
     setFlagsFromString('--expose-gc')
     const collect = runInNewContext('gc')
     export default defineConsumer({
       queue: '${queue}',
       decode: text,
       retry: { attempts: 2, firstDelayMs: 10, maxDelayMs: 10 },
       handle: async ([delivery], ctx) => {
         if (delivery.body === 'collect') {
           collect()
           return ctx.log.info('collected', process.memoryUsage())
         }
         if (delivery.body === 'slow') return new Promise((resolve) => setTimeout(resolve, 1500))
         const hostile = '"\\n} ' + delivery.body
         throw Object.assign(new Error(hostile), { name: hostile, code: hostile })
       },
     })`,
  )
  const own = await bundles(repository.root, ['failing'])
  t.after(() => own.dispose())
  const env = { KEDAFN_BATCH_SIZE: '1', KEDAFN_CONCURRENCY: '20', OTEL_SERVICE_NAME: serviceName }
  const running = new Workspace(t, vhost.url).start(own.of('failing'), env)
  // n.b. its port can be open before its queue is there, and what is sent then is nobody's.
  await running.logged('consuming')
  return running
}

/** What the process still holds once all that can be collected is, in MiB. */
async function keptMiB(running: FunctionProcess): Promise<number> {
  const collections = () => running.entries.filter(({ message }) => message === 'collected')
  const before = collections().length
  await send(vhost.url, queue, ['collect'])
  await running.until('it collects', () => collections().length > before)
  const { heapUsed, external } = collections().at(-1) as unknown as NodeJS.MemoryUsage
  return (heapUsed + external) / 2 ** 20
}

const dead = 'kedafn_dead_letters_total'
const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number

test(`${distinctErrors} different errors, in odd words, make no series; a scrape stays as large as it was`, async (t) => {
  const running = await failing(t)
  const first = await shown(running)
  const all: Shown[] = []
  const kept: number[] = []
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    const bodies = Array.from({ length: messagesPerRound }, (_, index) => {
      return `error ${(round * messagesPerRound + index) % distinctErrors}`
    })
    await send(vhost.url, queue, bodies)
    let last = first
    const sent = (round + 1) * messagesPerRound
    await t.waitFor(async () => {
      last = await shown(running)
      assert.equal(last.text.value(dead, { cause: 'FN_ATTEMPTS_EXHAUSTED' }), sent)
    }, poll)
    all.push(last)
    if (round % collectEvery === collectEvery - 1) kept.push(await keptMiB(running))
    await t.waitFor(() => assert.ok(performance.now() - begun >= pauseMs), poll)
  }
  for (const { series, text } of all) {
    assert.equal(series, first.series)
    assert.ok(text.value('messaging_client_consumed_messages_total', { service_name: serviceName }) > 0)
  }
  const quarter = Math.floor(all.length / 4)
  const [early, late] = [all.slice(quarter, 2 * quarter), all.slice(-quarter)]
  const told = (part: readonly Shown[]) => ({
    bytes: middle(part.map(({ bytes }) => bytes)),
    ms: Number(middle(part.map(({ ms }) => ms)).toFixed(1)),
    residentMiB: Math.round(middle(part.map(({ residentBytes }) => residentBytes)) / 2 ** 20),
  })
  const [before, then] = [told(early), told(late)]
  t.diagnostic(JSON.stringify({ scrapes: all.length, series: first.series, before, then }))
  t.diagnostic(`MiB held after a collection: ${kept.map((one) => one.toFixed(2)).join(' ')}`)
  // Numbers have more digits later, and nothing else.
  assert.ok(then.bytes <= before.bytes * 1.05, 'a scrape grew')
  // What a scrape takes is told of a machine only over a while.
  if (minutes === 0) return
  assert.ok(then.ms <= before.ms * 2 + 5, 'a scrape became slow')
  const part = Math.floor(kept.length / 4)
  assert.ok(middle(kept.slice(-part)) <= middle(kept.slice(part, 2 * part)) * 1.02 + 0.2, 'memory is kept')
})

test('each scrape while a process ends is whole, or there is none; and no message is lost', async (t) => {
  const running = await failing(t)
  await shown(running)
  await send(
    vhost.url,
    queue,
    Array.from({ length: 100 }, () => 'slow'),
  )
  await t.waitFor(async () => {
    assert.equal((await shown(running)).text.value('kedafn_handlers_running'), 20)
  }, poll)
  running.kill('SIGTERM')
  let scrapes = 0
  let acked = 0
  try {
    for (;;) {
      const { text } = await shown(running)
      scrapes++
      acked = text.value('kedafn_deliveries_settled_total', { outcome: 'acked' })
    }
  } catch (error) {
    // The port is gone, or the answer was cut off with it; nothing else may be wrong.
    assert.match(`${(error as NodeJS.ErrnoException).code}`, /^(ECONNREFUSED|ECONNRESET)$/)
  }
  assert.ok(scrapes > 0)
  assert.equal((await running.exited).code, 0)
  const settled = running.counters?.acked ?? 0
  assert.ok(acked <= settled)
  assert.equal(settled + (await ready(vhost.url, queue)), 100)
})
