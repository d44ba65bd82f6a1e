import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { askManagement } from '../../dev/broker/management.ts'
import { ownBroker } from '../support/broker.ts'
import { bundles, compareLines, Workspace } from '../support/workspace.ts'

const { broker, managementUrl, dispose } = await ownBroker()
const built = await bundles()
after(async () => {
  built.dispose()
  await dispose()
})

const poll = { interval: 20, timeout: 60_000 }

// n.b. each start of a broker takes seconds: the tests go on where the one before left it.

test('functions that are started before their broker wait for it', async (t) => {
  const work = new Workspace(t, broker.url)
  work.write('early\n')
  await broker.stop()
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  await Promise.all([consumer, producer].map((one) => one.logged('no session with the broker; trying again')))
  await broker.restart()
  assert.deepEqual(await producer.exited, { code: 0, signal: null })
  await t.waitFor(() => assert.equal(String(work.read()), 'early\n'), poll)
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})

test('closed connections and a stopped broker cost no line and no order, and repeat none', async (t) => {
  const work = new Workspace(t, broker.url)
  const lines = Array.from({ length: 40_000 }, (_, i) => `line ${String(i).padStart(8, '0')}`)
  work.write(`${lines.join('\n')}\n`)
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  const written = (lines: number) =>
    consumer.until(`${lines} lines are written`, () => (consumer.counters?.acked ?? 0) > lines)
  await written(3000)
  await askManagement(managementUrl, { method: 'DELETE', path: 'connections/username/guest' })
  await written(15_000)
  await broker.stop()
  await broker.restart()
  assert.deepEqual(await producer.exited, { code: 0, signal: null })
  await t.waitFor(() => assert.equal(work.lines().at(-1), lines.at(-1)), poll)
  assert.deepEqual(compareLines(lines, work.lines()), { missing: 0, strangers: 0, repeated: 0, ordered: true })
  assert.ok((producer.counters?.reconnects ?? 0) >= 2, `${producer.counters?.reconnects} sessions were lost`)
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})

test('a signal while the broker is away ends a function at once, exit code 0: nothing is unsettled', async (t) => {
  const work = new Workspace(t, broker.url)
  await broker.stop()
  const consumer = work.start(built.of('log-consumer'))
  await consumer.logged('no session with the broker; trying again')
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})
