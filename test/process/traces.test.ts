import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { connect } from 'amqplib'
import { kedafn } from '../cli/support/kedafn.ts'
import { openVhost } from '../support/broker.ts'
import { otlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts'
import { take } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-traces')
after(() => vhost.dispose())

/** Publishes one message with headers, as some other system would. */
async function sendOne(queue: string, body: string, headers: Record<string, unknown>, messageId = body): Promise<void> {
  const connection = await connect(vhost.url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  channel.publish('', queue, Buffer.from(body), { persistent: true, headers, messageId })
  await channel.waitForConfirms()
  await connection.close()
}

/** A producer of the lines of input.txt and a consumer, which fails `poison` always and `twice` once. */
async function traced(t: Parameters<typeof copyRepository>[0], otlp: boolean) {
  const repository = copyRepository(t)
  repository.write(
    'functions/traced-producer/function.ts',
    `import { defineProducer, lines, text } from '#runtime'
     export default defineProducer({ source: lines({ path: 'input.txt' }), queue: 'traced', encode: text, map: (line) => ({ body: line.text }) })`,
  )
  repository.write(
    'functions/traced-consumer/function.ts',
    `import { defineConsumer, each, text } from '#runtime'
     let mended = false
     export default defineConsumer({
       queue: 'traced',
       decode: text,
       concurrency: 1,
       retry: { attempts: 2, firstDelayMs: 10, maxDelayMs: 10 },
       handle: (batch, ctx) => {
         const [{ body, attempt }] = batch
         ctx.log.info('handling', { body })
         if (body === 'twice' && attempt === 1) throw new Error('once more')
         if (body === 'poison' && ctx.env.MENDED !== 'true') throw new Error('never')
       },
       env: { MENDED: { default: 'false' } },
     })`,
  )
  const own = await bundles(repository.root, ['traced-producer', 'traced-consumer'], { otlp })
  t.after(() => own.dispose())
  return { own, work: new Workspace(t, vhost.url) }
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan[] =>
  spans.filter((span) => span.name === name)

test('producer, retry, dead letter and redrive are one graph at a real receiver: every attempt is linked to its publish', async (t) => {
  const receiver = await otlpReceiver(t)
  const { own, work } = await traced(t, true)
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: '50', KEDAFN_BATCH_SIZE: '1' }
  work.write('fine\ntwice\npoison\n')
  const first = work.start(own.of('traced-consumer'), env)
  await first.logged('consuming')
  assert.equal((await work.start(own.of('traced-producer'), { ...env, KEDAFN_ONCE: 'true' }).exited).code, 0)
  await first.until('it is dead', () => first.counters?.dead === 1 && first.counters.acked === 2)
  first.kill('SIGTERM')
  assert.equal((await first.exited).code, 0)
  const second = work.start(own.of('traced-consumer'), { ...env, MENDED: 'true' })
  await second.logged('consuming')
  const redriven = await kedafn(t, ['dlq', 'redrive', 'traced'], { env: { AMQP_URL: vhost.url } })
  assert.equal(redriven.stdout, '1 message moved from traced.dead to traced\n', redriven.stderr)
  await second.until('it is acked', () => second.counters?.acked === 1)
  second.kill('SIGTERM')
  assert.equal((await second.exited).code, 0)

  const published = named(receiver.spans, 'publish traced')
  assert.deepEqual(
    published.map(({ kind, service, parentSpanId, failed }) => [kind, service, parentSpanId, failed]),
    [1, 2, 3].map(() => [4, 'traced-producer', '', false]),
  )
  const attempts = published.map(({ spanId, traceId }) =>
    named(receiver.spans, 'process traced')
      .filter(({ links }) => links.some((link) => link.spanId === spanId && link.traceId === traceId))
      .map(({ attributes, failed }) => [attributes['kedafn.attempt'], failed]),
  )
  assert.deepEqual(attempts, [
    [[1, false]],
    [
      [1, true],
      [2, false],
    ],
    [
      [1, true],
      [2, true],
      [1, false],
    ],
  ])
  for (const { kind, links, service, attributes } of named(receiver.spans, 'process traced')) {
    assert.deepEqual([kind, links.length, service], [5, 1, 'traced-consumer'])
    assert.equal(attributes['messaging.batch.message_count'], 1)
  }
  // What the handler logs has the ids of its span, and what failed those of its publish.
  const spans = new Set(receiver.spans.map(({ spanId }) => spanId))
  const handled = first.entries.filter(({ message }) => message === 'handling')
  assert.equal(handled.length, 5)
  for (const { span_id } of handled) assert.ok(spans.has(String(span_id)), `${span_id}`)
  const gaveUp = first.entries.find(({ message }) => message === 'deliveries go to dead letters')
  assert.deepEqual(gaveUp?.traceIds, [published[2]?.traceId])
})

test('a batch has one span, with a link to each message; a message alone can have its publish as parent; bad headers are none', async (t) => {
  const receiver = await otlpReceiver(t)
  const { own, work } = await traced(t, true)
  const first = work.start(own.of('traced-consumer'))
  await first.logged('consuming')
  first.kill('SIGTERM')
  await first.exited
  const traceId = (digit: string) => digit.repeat(32)
  const parent = (digit: string) => `00-${traceId(digit)}-${digit.repeat(16)}-01`
  await sendOne('traced', 'a', { traceparent: parent('a'), tracestate: 'x=1' })
  await sendOne('traced', 'b', { traceparent: parent('b'), tracestate: '\n' })
  await sendOne('traced', 'c', { traceparent: 'nonsense' })
  await sendOne('traced', 'd', { traceparent: 12, tracestate: { deep: true } })
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, KEDAFN_BATCH_MAX_WAIT_MS: '500' }
  const batch = work.start(own.of('traced-consumer'), { ...env, KEDAFN_BATCH_SIZE: '4' })
  await batch.until('all are acked', () => batch.counters?.acked === 4)
  batch.kill('SIGTERM')
  await batch.exited
  assert.deepEqual(
    receiver.spans.map(({ links, attributes }) => [
      attributes['messaging.batch.message_count'],
      links.map((link) => link.traceId),
    ]),
    [[4, [traceId('a'), traceId('b')]]],
  )
  await sendOne('traced', 'e', { traceparent: parent('e') })
  const single = work.start(own.of('traced-consumer'), {
    ...env,
    KEDAFN_BATCH_SIZE: '1',
    KEDAFN_TRACE_PARENT: 'parent',
  })
  await single.until('it is acked', () => single.counters?.acked === 1)
  single.kill('SIGTERM')
  await single.exited
  const span = receiver.spans[1]
  assert.deepEqual([span?.traceId, span?.parentSpanId, span?.links], [traceId('e'), 'e'.repeat(16), []])
})

test('a receiver that is away costs a warning, and no delivery; the drain waits for it a second at most', async (t) => {
  const { own, work } = await traced(t, true)
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '10' }
  const running = work.start(own.of('traced-consumer'), env)
  await running.logged('consuming')
  await sendOne('traced', 'fine', {})
  await running.until('it is acked', () => running.counters?.acked === 1)
  running.kill('SIGTERM')
  assert.equal((await running.exited).code, 0)
  const warnings = running.entries.filter(({ level }) => level === 'warn').map(({ message }) => message)
  assert.ok(warnings.includes('spans did not reach their receiver: they are missing from their traces'))
})

test('asked for and not built in: one warning says how, nothing of it is in the bundle, and a trace goes through untouched', async (t) => {
  const { own, work } = await traced(t, false)
  const running = work.start(own.of('traced-consumer'), { OTEL_TRACES_EXPORTER: 'otlp' })
  await running.logged('consuming')
  const warnings = running.entries.filter(({ level }) => level === 'warn')
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ['traces are asked for, and not built in: none are sent'],
  )
  assert.match(String(warnings[0]?.advice), /--otlp/)
  const folder = dirname(own.of('traced-consumer'))
  assert.deepEqual(readdirSync(folder).sort(), [
    'function.cjs',
    'function.cjs.map',
    'meta.json',
    'telemetry.cjs',
    'telemetry.meta.json',
  ])
  assert.doesNotMatch(readFileSync(join(folder, 'meta.json'), 'utf8'), /telemetry\/(spans|otlp)|@opentelemetry/)
  const traceparent = `00-${'7'.repeat(32)}-${'7'.repeat(16)}-01`
  await sendOne('traced', 'poison', { traceparent, tracestate: 'x=1' })
  await running.until('it is dead', () => running.counters?.dead === 1)
  const [dead] = await take(vhost.url, 'traced.dead', 1)
  assert.deepEqual([dead?.headers.traceparent, dead?.headers.tracestate], [traceparent, 'x=1'])
  const handled = running.entries.find(({ message }) => message === 'handling')
  assert.equal(handled?.trace_id, '7'.repeat(32))
})
