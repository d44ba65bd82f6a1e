import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ownBroker } from '../support/broker.ts'
import { bundles, compareLines, Workspace } from '../support/workspace.ts'

const broker = await ownBroker()
const built = await bundles()
after(async () => {
  built.dispose()
  await broker.dispose()
})

const poll = { interval: 20, timeout: 60_000 }
const numbered = (from: number, count: number) => Array.from({ length: count }, (_, i) => `line ${from + i}`)
const fileOf = (lines: readonly string[]) => `${lines.join('\n')}\n`
const alarm = () => broker.ctl('set_vm_memory_high_watermark', '0.0000001')
const lift = () => broker.ctl('set_vm_memory_high_watermark', '0.6')

test('a memory alarm blocks the producer, visibly, and not the consumer; once it is lifted all goes on within two seconds', async (t) => {
  const work = new Workspace(t, broker.url)
  const lines = numbered(0, 2000)
  work.write(fileOf(lines.slice(0, 1000)))
  const producer = work.start(built.of('log-producer'))
  await producer.until('the first lines are confirmed', () => producer.counters?.confirmed === 1000)
  await alarm()
  work.append(fileOf(lines.slice(1000)))
  await producer.logged('the broker blocks publishing')
  // Registers, takes and acks what is in the queue: it has a connection of its own, on which nothing is published.
  const consumer = work.start(built.of('log-consumer'))
  await t.waitFor(() => assert.equal(work.lines().length, 1000), poll)
  await consumer.until('it acks', () => consumer.counters?.acked === 1000)
  assert.equal(producer.counters?.confirmed, 1000)
  await lift()
  const begun = performance.now()
  await producer.until('the rest is confirmed', () => producer.counters?.confirmed === 2000)
  const resumedMs = performance.now() - begun
  t.diagnostic(`goes on ${Math.round(resumedMs)} ms after the alarm`)
  assert.ok(resumedMs < 2000)
  await producer.logged('the broker takes messages again')
  await t.waitFor(() => assert.equal(work.lines().length, 2000), poll)
  assert.deepEqual(compareLines(lines, work.lines()), { missing: 0, strangers: 0, repeated: 0, ordered: true })
  for (const running of [producer, consumer]) {
    running.kill('SIGTERM')
    assert.deepEqual(await running.exited, { code: 0, signal: null })
  }
})

test('SIGTERM while blocked: the producer ends within its grace, with code 1, and its next run sends what is missing', async (t) => {
  const work = new Workspace(t, broker.url)
  const lines = numbered(5000, 2000)
  work.write(fileOf(lines.slice(0, 1000)))
  const producer = work.start(built.of('log-producer'), { KEDAFN_GRACE_MS: '1500' })
  await producer.until('the first lines are confirmed', () => producer.counters?.confirmed === 1000)
  await alarm()
  work.append(fileOf(lines.slice(1000)))
  await producer.logged('the broker blocks publishing')
  await producer.until('the rest is sent', () => producer.counters?.sent === 2000)
  const begun = performance.now()
  producer.kill('SIGTERM')
  assert.deepEqual(await producer.exited, { code: 1, signal: null })
  t.diagnostic(`ends ${Math.round(performance.now() - begun)} ms after the signal, with a grace period of 1500 ms`)
  const error = producer.entries.find((entry) => entry.message === 'the drain did not end in time')?.error
  assert.equal((error as { code: string }).code, 'FN_DRAIN_TIMEOUT')
  await lift()
  const again = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  assert.deepEqual(await again.exited, { code: 0, signal: null })
  const consumer = work.start(built.of('log-consumer'))
  await t.waitFor(() => assert.equal(compareLines(lines, work.lines()).missing, 0), poll)
  const { strangers, repeated } = compareLines(lines, work.lines())
  assert.equal(strangers, 0)
  assert.ok(repeated <= 1000, `${repeated} repeats`)
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})
