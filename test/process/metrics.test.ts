import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { labelValuesOf, type Metric, metricsOf, prometheusName } from '../../runtime/core/metrics.ts'
import { openVhost } from '../support/broker.ts'
import { ask, type ExpositionText, scrape } from '../support/exposition.ts'
import type { FunctionProcess } from '../support/function-process.ts'
import { send } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-metrics')
const built = await bundles()
after(async () => {
  built.dispose()
  await vhost.dispose()
})

const poll = { interval: 20, timeout: 30_000 }
const settled = 'kedafn_deliveries_settled_total'

/** Starts a consumer of queue `fates`, whose messages say what is to become of them. */
async function fates(t: TestContext, url = vhost.url): Promise<FunctionProcess> {
  const repository = copyRepository(t)
  repository.write(
    'functions/fates/function.ts',
    `import { defineConsumer, drop, retry, text } from '#runtime'
     export default defineConsumer({
       queue: 'fates',
       decode: text,
       retry: { attempts: 3, firstDelayMs: 10, maxDelayMs: 10 },
       handle: (batch, ctx) => {
         if (batch.some(({ body }) => body === 'hang')) {
           ctx.log.info('it hangs')
           return new Promise(() => {})
         }
         return batch.flatMap((delivery) => {
           if (delivery.body === 'drop') return drop(delivery, 'told to')
           if (delivery.body.startsWith('fail')) return retry(delivery, 'no "good": \\n' + delivery.body)
           return delivery.body === 'twice' && delivery.attempt === 1 ? retry(delivery, 'once more') : []
         })
       },
     })`,
  )
  const own = await bundles(repository.root, ['fates'])
  t.after(() => own.dispose())
  const running = new Workspace(t, url).start(own.of('fates'))
  await running.logged('consuming')
  return running
}

/** What is declared is there, with each value of its label, and nothing else of ours. */
function assertDeclared(shown: ExpositionText, of: 'consumer' | 'producer'): void {
  const declared = new Map(metricsOf(of).map(([name, metric]) => [prometheusName(name, metric), metric as Metric]))
  const ours = [...shown.families].filter(([name]) => /^(kedafn|messaging|faas)_/.test(name))
  assert.deepEqual(new Map(ours), new Map([...declared].map(([name, { kind }]) => [name, kind])))
  for (const [name, metric] of declared) {
    const key = (metric.label?.name ?? '').replace('.', '_')
    const sample = metric.kind === 'histogram' ? `${name}_count` : name
    const values = shown.samples.filter((candidate) => candidate.name === sample).map(({ labels }) => labels[key] ?? '')
    assert.deepEqual(values, labelValuesOf(metric), name)
  }
}

test('from the first scrape on every series is there, once, and every counter of deliveries at 0', async (t) => {
  const work = new Workspace(t, vhost.url)
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'))
  await consumer.logged('consuming')
  for (const [running, kind] of [[consumer, 'consumer'] as const, [producer, 'producer'] as const]) {
    const shown = await scrape(running)
    assertDeclared(shown, kind)
    for (const { name, value } of shown.samples) {
      if (/^(kedafn|messaging)_.*_(total|count|bucket)$/.test(name)) assert.equal(value, 0, name)
    }
    assert.ok(shown.value('process_resident_memory_bytes') > 0)
    assert.equal(shown.value('target_info', { service_name: `log-${kind}` }), 1)
  }
})

test('promtool finds nothing to say about names, units and help', async (t) => {
  const { error } = spawnSync('promtool', ['--version'])
  if (error) return t.skip('there is no promtool on this machine')
  const work = new Workspace(t, vhost.url)
  for (const name of ['log-consumer', 'log-producer']) {
    const { text } = await scrape(work.start(built.of(name)))
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    assert.deepEqual([stdout, stderr, status], ['', '', 0])
  }
})

test('what is shown equals what became of the lines: a producer and a consumer after a run', async (t) => {
  const work = new Workspace(t, vhost.url)
  const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}`)
  work.write(`${lines.join('\n')}\n`)
  const consumer = work.start(built.of('log-consumer'), { KEDAFN_BATCH_SIZE: '100' })
  const producer = work.start(built.of('log-producer'))
  await t.waitFor(() => assert.deepEqual(work.lines(), lines), poll)
  await t.waitFor(async () => {
    const shown = await scrape(producer)
    assert.equal(shown.value('kedafn_lines_total', { outcome: 'confirmed' }), 3000)
    assert.equal(shown.value('messaging_client_sent_messages_total'), 3000)
    assert.equal(shown.value('messaging_client_operation_duration_seconds_count'), 3000)
    for (const lag of ['lag_lines', 'lag_bytes', 'age_seconds'])
      assert.equal(shown.value(`kedafn_checkpoint_${lag}`), 0)
    assert.equal(shown.value('kedafn_publisher_unconfirmed'), 0)
    assert.equal(shown.value('kedafn_publisher_window'), 1000)
  }, poll)
  await t.waitFor(async () => {
    const shown = await scrape(consumer)
    assert.equal(shown.value('messaging_client_consumed_messages_total', { messaging_destination_name: 'logs' }), 3000)
    assert.equal(shown.value('kedafn_message_age_seconds_count'), 3000)
    assert.equal(shown.value(settled, { outcome: 'acked' }), 3000)
    assert.equal(shown.value('kedafn_deliveries_in_flight'), 0)
    assert.equal(shown.value('kedafn_batch_size_sum'), 3000)
    assert.equal(shown.value('kedafn_delivery_attempts_sum'), 3000)
    const batches = shown.value('kedafn_batch_size_count')
    assert.equal(
      shown.value('messaging_process_duration_seconds_count', { messaging_operation_name: 'process' }),
      batches,
    )
    assert.equal(shown.value('faas_coldstarts_total'), 1)
    assert.equal(shown.value('faas_init_duration_seconds_count'), 1)
    const phases = ['boot', 'init', 'work'].map((phase) =>
      shown.value('kedafn_coldstart_phase_duration_seconds', { phase }),
    )
    for (const seconds of phases) assert.ok(seconds > 0, `${phases}`)
  }, poll)
})

test('retries and dead letters are told by cause, and no message makes a series', async (t) => {
  const running = await fates(t)
  const before = await scrape(running)
  await send(vhost.url, 'fates', [
    'twice',
    'drop',
    ...Array.from({ length: 1000 }, (_, index) => `fail ${index}`),
    'fine',
  ])
  await t.waitFor(async () => {
    const shown = await scrape(running)
    assert.equal(shown.value(settled, { outcome: 'acked' }), 2)
    assert.equal(shown.value('kedafn_dead_letters_total', { cause: 'FN_DROPPED' }), 1)
    assert.equal(shown.value('kedafn_dead_letters_total', { cause: 'FN_ATTEMPTS_EXHAUSTED' }), 1000)
    assert.equal(shown.value('kedafn_retries_total', { cause: 'FN_HANDLER_FAILED' }), 2001)
    assert.equal(shown.value('messaging_client_sent_messages_total'), 3002)
    // Three attempts of each that failed, two of one, one of two.
    assert.equal(shown.value('kedafn_delivery_attempts_sum'), 3004)
    const consumed = shown.value('messaging_client_consumed_messages_total')
    assert.equal(shown.value(settled) + shown.value('kedafn_deliveries_in_flight'), consumed)
  }, poll)
  const after = await scrape(running)
  // Not those of Node.js: a kind of garbage collection that came for the first time is a series more.
  const ours = ({ samples }: ExpositionText): number =>
    samples.filter(({ name }) => !/^(nodejs|process)_/.test(name)).length
  assert.equal(ours(after), ours(before))
  assertDeclared(after, 'consumer')
})

test('until the drain ends a scrape shows everything, and that there is a drain', async (t) => {
  const running = await fates(t)
  await send(vhost.url, 'fates', ['fine'])
  await t.waitFor(async () => assert.equal((await scrape(running)).value(settled, { outcome: 'acked' }), 1), poll)
  await send(vhost.url, 'fates', ['hang'])
  await t.waitFor(async () => assert.equal((await scrape(running)).value('kedafn_handlers_running'), 1), poll)
  running.kill('SIGTERM')
  await t.waitFor(async () => {
    const shown = await scrape(running)
    assert.equal(shown.value('kedafn_drain_running'), 1)
    assert.ok(shown.value('kedafn_drain_duration_seconds') > 0)
    assert.equal(shown.value('kedafn_drain_outcome', { outcome: 'pending' }), 1)
    assert.equal(shown.value('kedafn_drain_outcome'), 1)
    assert.equal(shown.value(settled, { outcome: 'acked' }), 1)
    assert.equal(shown.value('kedafn_deliveries_in_flight'), 1)
  }, poll)
  running.kill('SIGTERM')
  assert.equal((await running.exited).code, 1)
  assert.equal(running.entries.find(({ message }) => message === 'ended')?.drainOutcome, 'second_signal')
})

test('SIGTERM before there is a port: it opens in the drain, and shows what there was', async (t) => {
  await using own = await openVhost('process-metrics')
  const early = await fates(t, own.url)
  early.kill('SIGTERM')
  await early.exited
  await send(own.url, 'fates', ['hang'])
  const running = await fates(t, own.url)
  await running.logged('it hangs')
  running.kill('SIGTERM')
  await running.logged('told to stop')
  const shown = await scrape(running)
  assert.equal(shown.value('kedafn_drain_running'), 1)
  assert.equal(shown.value('messaging_client_consumed_messages_total'), 1)
  assert.equal(shown.value('kedafn_handlers_running'), 1)
  running.kill('SIGTERM')
  assert.equal((await running.exited).code, 1)
  assert.equal(running.entries.find(({ message }) => message === 'ended')?.messages, 1)
})

test('what happened before there was a port is shown by it', async (t) => {
  const work = new Workspace(t, vhost.url)
  const first = work.start(built.of('log-consumer'))
  await first.logged('consuming')
  first.kill('SIGTERM')
  await first.exited
  await send(
    vhost.url,
    'logs',
    Array.from({ length: 50 }, (_, index) => `early ${index}`),
  )
  const second = work.start(built.of('log-consumer'))
  await t.waitFor(async () => {
    const shown = await scrape(second)
    assert.equal(shown.value(settled, { outcome: 'acked' }), 50)
  }, poll)
})

test('without its telemetry a function works on: /metrics says what is missing, and so does an error', async (t) => {
  const own = await bundles(undefined, ['log-consumer'])
  t.after(() => own.dispose())
  rmSync(join(dirname(own.of('log-consumer')), 'telemetry.cjs'))
  const work = new Workspace(t, vhost.url)
  const running = work.start(own.of('log-consumer'))
  await running.logged('no metrics: the telemetry cannot be loaded')
  const { status, body } = await ask(running, '/metrics')
  assert.equal(status, 500)
  assert.match(body, /telemetry\.cjs/)
  assert.equal((await ask(running, '/livez')).status, 200)
  await send(vhost.url, 'logs', ['on'])
  await t.waitFor(() => assert.deepEqual(work.lines(), ['on']), poll)
})
