import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slowRepository } from './slow-repository.ts'
import { noneLeft, type Started } from './started.ts'

const poll = { interval: 50, timeout: 60_000 }
type Event = { readonly event: string; readonly time: string } & Readonly<Record<string, unknown>>

/** Every line of stdout has to be an event. */
const eventsOf = ({ out }: Started): readonly Event[] =>
  out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Event)

test('--json prints one event a line: the start, each scaling with its reason, what processes become, how things stand, the end', async (t) => {
  const { repository, start } = await slowRepository(t, { value: 20, msPerLine: 20 })
  const input = Array.from({ length: 60 }, (_, i) => `line ${i}\n`).join('')
  repository.write('input.txt', input)
  const started = start(['--json', '--no-page', '--fast', '10'])
  const of = (name: string) => eventsOf(started).filter(({ event }) => event === name)
  await t.waitFor(() => assert.ok(of('status').some(({ written }) => written === 60)), poll)
  await t.waitFor(() => assert.equal(of('scale').at(-1)?.replicas, 0), poll)
  await t.waitFor(() => assert.equal(of('process').at(-1)?.state, 'gone'), poll)
  started.child.kill('SIGTERM')
  await started.endsWith(0)

  assert.equal(started.err, '')
  const all = eventsOf(started)
  for (const { time } of all) assert.equal(new Date(time).toISOString(), time)
  assert.deepEqual(
    ['start', 'page'].map((name) => of(name).length),
    [1, 0],
  )
  assert.deepEqual(
    [of('start')[0]?.functions, of('start')[0]?.fast, of('start')[0]?.input],
    [['log-consumer', 'log-producer'], 10, repository.path('input.txt')],
  )
  const last = of('scale').at(-1)
  assert.deepEqual([last?.function, last?.by], ['log-consumer', 'keda'])
  assert.match(String(last?.reason), /^no trigger was active for the cooldown of 3 s$/)
  assert.match(JSON.stringify(of('status').at(-1)?.queues), /"consumers":0/)
  const producer = of('process').filter((event) => event.name === 'log-producer')
  assert.deepEqual(
    [typeof producer[0]?.pid, producer.some(({ state }) => state === 'ready'), producer.at(-1)?.state],
    ['number', true, 'ended'],
  )
  const end = all.at(-1)
  assert.deepEqual([end?.event, end?.exitCode, end?.sent, end?.written], ['end', 0, 60, 60])
  await noneLeft(t, repository)
})

test('what ends it in failure is an event, and stands on stderr for whoever looks there', async (t) => {
  const { start } = await slowRepository(t)
  const started = start(['--json', '--input', 'nowhere'])
  await started.endsWith(2)
  const [event] = eventsOf(started)
  assert.deepEqual([event?.event, eventsOf(started).length], ['error', 1])
  assert.match(String(event?.text), /there is no such file$/)
  assert.equal(started.err, `${event?.text}\n`)
})
