import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { LiveMessage } from '../../dev/live-message.ts'
import { slowRepository } from './slow-repository.ts'
import { holds, noneLeft, type Started } from './started.ts'

const poll = { interval: 50, timeout: 60_000 }

/** What a browser would do with the page of a run. */
async function openPage(t: TestContext, started: Started) {
  await started.printed(/^page http/m)
  const url = /^page (\S+)$/m.exec(started.out)?.[1] ?? ''
  const token = /content="([0-9a-f]{32})"/.exec(await (await fetch(url)).text())?.[1] ?? ''
  const heard: LiveMessage[] = []
  const leave = new AbortController()
  t.after(() => leave.abort())
  const response = await fetch(`${url}events`, { signal: leave.signal })
  void listen(response, heard).catch(() => {})
  const act = async (name: string, body: object) => {
    const headers = { origin: new URL(url).origin, 'x-kedafn-token': token }
    const answer = await fetch(url + name, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: answer.status, text: (await answer.text()).trim() }
  }
  const last = <K extends LiveMessage['kind']>(kind: K) =>
    heard.findLast((message): message is Extract<LiveMessage, { kind: K }> => message.kind === kind)
  return { act, heard, last }
}

async function listen(response: Response, heard: LiveMessage[]): Promise<void> {
  let rest = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const parts = (rest + chunk).split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) heard.push(JSON.parse(part.replace(/^data: /, '')) as LiveMessage)
  }
}

test('the page drops lines, pauses scaling, slows handlers down and kills a process, and shows what comes of it', async (t) => {
  const { repository, start } = await slowRepository(t, { value: 20, msPerLine: 0 })
  repository.write('input.txt', 'no newline at the end')
  const started = start(['--fast', '10'])
  const { act, heard, last } = await openPage(t, started)
  const listed = () => last('processes')?.processes.filter((one) => one.function === 'log-consumer') ?? []
  const consumers = () => listed().filter(({ state }) => state !== 'gone')
  await t.waitFor(() => assert.ok(last('hello')), poll)
  const hello = last('hello')
  assert.ok(hello)
  assert.equal(hello.facts.fast, 10)
  assert.deepEqual(
    hello.facts.functions.map(({ name, scaled, messagesPerReplica }) => [name, scaled, messagesPerReplica]),
    [
      ['log-consumer', true, 20],
      ['log-producer', false, null],
    ],
  )
  assert.match((await act('broker', { running: false })).text, /^npm start stops only a broker that it started itself/)
  assert.match((await act('network', {})).text, /^with AMQP_URL the functions are connected to the broker itself/)
  // What happens now happens to nobody: it sleeps.
  await t.waitFor(() => assert.equal(last('sample')?.sample.functions['log-consumer']?.desired, 0), poll)
  assert.match((await act('pause', { paused: true })).text, /^scaling is paused/)
  assert.match((await act('delay', { ms: 1001 })).text, /^ms is 1001; expected a whole number from 0 to 1000$/)
  assert.equal((await act('delay', { ms: 20 })).status, 200)
  assert.deepEqual(await act('lines', { count: 0 }), {
    status: 400,
    text: 'count is 0; expected a whole number from 1 to 1000000',
  })
  assert.equal((await act('lines', { count: 400 })).text, '400 lines dropped into the input')
  assert.equal((await act('lines', { text: 'pasted\ntwice' })).text, '2 lines pasted into the input')
  await t.waitFor(() => assert.equal(last('sample')?.sample.functions['log-consumer']?.ready, 403), poll)
  assert.deepEqual(last('state')?.state.paused, true)
  assert.deepEqual(consumers(), [], 'scaling is paused')

  assert.equal((await act('pause', { paused: false })).text, 'scaling goes on')
  await t.waitFor(() => assert.ok(consumers().filter(({ state }) => state === 'ready').length > 1), poll)
  const [victim] = consumers()
  assert.equal((await act('kill', { name: victim?.name })).status, 200)
  await t.waitFor(() => assert.equal(consumers().find(({ name }) => name === victim?.name)?.restarts, 1), poll)
  assert.equal((await act('kill', { name: 'nobody' })).status, 400)
  await t.waitFor(() => assert.ok(consumers().some(({ log }) => log.some((line) => line.includes('consuming')))), poll)
  await t.waitFor(() => assert.equal(last('sample')?.sample.functions['log-consumer']?.actual, 0), poll)
  await t.waitFor(
    () => assert.ok(listed().some(({ state, log }) => state === 'gone' && /"ended"/.test(`${log}`))),
    poll,
  )

  const texts = heard.flatMap((message) => (message.kind === 'event' ? [message.event.text] : []))
  assert.ok(
    texts.some((text) => /^log-consumer: 1 → \d by HPA: \d+ messages \/ 20 per replica = \d+/.test(text)),
    texts.join('\n'),
  )
  assert.ok(
    texts.some((text) => /^log-consumer: \d+ → 0 by KEDA: no trigger was active/.test(text)),
    texts.join('\n'),
  )
  assert.ok(heard.some((message) => message.kind === 'sample' && message.sample.waitedMs !== null))
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  const input = readFileSync(repository.path('input.txt'), 'utf8')
  assert.ok(input.startsWith('no newline at the end\ndrop 1, line 1 of 400\n'), 'a line that was begun stays one')
  assert.ok(input.endsWith('\npasted\ntwice\n'))
  // What the killed process had not acked came again: each line is there, and none that was never sent.
  assert.deepEqual(new Set(repository.read('output.txt').split('\n')), new Set(input.split('\n')))
  await noneLeft(t, repository)
})

test('--no-page serves none', async (t) => {
  const { repository, start } = await slowRepository(t, { msPerLine: 0 })
  repository.write('input.txt', 'one\n')
  const started = start(['--no-page', '--fast', '10'])
  await holds(t, repository, 'output.txt', 'one\n')
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  assert.doesNotMatch(started.out, /^page /m)
})
