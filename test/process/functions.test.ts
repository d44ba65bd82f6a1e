import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { discoverFunctions } from '../../tooling/functions.ts'
import { WebhookServer } from '../functions/webhook-server.ts'
import { openVhost } from '../support/broker.ts'
import { ready, send, take } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-functions')
after(() => vhost.dispose())

const poll = { interval: 20, timeout: 30_000 }
const examples = join(import.meta.dirname, '..', '..', 'examples')

/** Bundles a repository that has one function more. */
async function withFunction(t: TestContext, name: string, source: string) {
  const repository = copyRepository(t)
  repository.write(`functions/${name}/function.ts`, source)
  const built = await bundles(repository.root, [name])
  t.after(() => built.dispose())
  return built
}

test('a third function is one folder more: it builds and runs, with a queue of its own on the same exchange', async (t) => {
  const repository = copyRepository(t)
  cpSync(join(examples, 'log-levels'), repository.path('functions', 'log-levels'), { recursive: true })
  const names = discoverFunctions(repository.root)
  assert.deepEqual(names, ['log-alerts', 'log-consumer', 'log-levels', 'log-producer'])
  const built = await bundles(repository.root, names)
  t.after(() => built.dispose())
  const work = new Workspace(t, vhost.url)
  work.write('2026-11-24T10:00:01Z INFO a\n2026-11-24T10:00:02Z ERROR b\n2026-11-24T10:01:00Z INFO c\n')
  const levels = work.start(built.of('log-levels'), { LEVELS_PATH: work.path('levels.json') })
  const consumer = work.start(built.of('log-consumer'))
  await Promise.all([levels.logged('consuming'), consumer.logged('consuming')])
  const producer = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  assert.equal((await producer.exited).code, 0)
  await t.waitFor(() => assert.equal(work.lines().length, 3), poll)
  await t.waitFor(() => {
    assert.deepEqual(JSON.parse(String(work.read('levels.json'))), {
      '2026-11-24T10:00': { INFO: 1, ERROR: 1 },
      '2026-11-24T10:01': { INFO: 1 },
    })
  }, poll)
  for (const running of [levels, consumer]) {
    running.kill('SIGTERM')
    assert.equal((await running.exited).code, 0)
  }
})

test('a second signal ends a drain that hangs: exit code 1, and the message is back in the queue', async (t) => {
  const built = await withFunction(
    t,
    'stuck',
    `import { defineConsumer } from '#runtime'
     export default defineConsumer({ queue: 'stuck', handle: (_batch, ctx) => { ctx.log.info('handling'); return new Promise(() => {}) } })`,
  )
  const work = new Workspace(t, vhost.url)
  const stuck = work.start(built.of('stuck'))
  await stuck.logged('consuming')
  await send(vhost.url, 'stuck', ['one'])
  await stuck.logged('handling')
  stuck.kill('SIGTERM')
  await stuck.until('it drains', () => stuck.report?.state === 'draining')
  stuck.kill('SIGTERM')
  assert.deepEqual(await stuck.exited, { code: 1, signal: null })
  await t.waitFor(async () => assert.equal(await ready(vhost.url, 'stuck'), 1), poll)
})

test('a handler that heeds ctx.signal is aborted in time and its delivery is handed back without an attempt', async (t) => {
  const built = await withFunction(
    t,
    'slow',
    `import { defineConsumer, text } from '#runtime'
     export default defineConsumer({ queue: 'slow', decode: text, handle: (batch, ctx) => new Promise((_, reject) => {
       ctx.log.info('handling', { attempts: batch.map((delivery) => delivery.attempt) })
       ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
     }) })`,
  )
  const work = new Workspace(t, vhost.url)
  const slow = work.start(built.of('slow'), { KEDAFN_GRACE_MS: '1000' })
  await slow.logged('consuming')
  await send(vhost.url, 'slow', ['one'])
  await slow.logged('handling')
  slow.kill('SIGTERM')
  assert.deepEqual(await slow.exited, { code: 0, signal: null })
  assert.equal(slow.counters?.handedBack, 1)
  await t.waitFor(async () => assert.equal(await ready(vhost.url, 'slow'), 1), poll)
  const again = work.start(built.of('slow'))
  await again.logged('handling')
  assert.deepEqual(again.entries.find((entry) => entry.message === 'handling')?.attempts, [1])
  again.kill('SIGKILL')
})

test('a delivery that keeps failing is tried as often as the spec says and ends dead with its cause; its neighbours are done', async (t) => {
  const built = await withFunction(
    t,
    'picky',
    `import { defineConsumer, each, text } from '#runtime'
     export default defineConsumer({ queue: 'picky', decode: text, retry: { attempts: 3, firstDelayMs: 20, maxDelayMs: 40 },
       handle: each((delivery, ctx) => {
         ctx.log.info('tried', { body: delivery.body, attempt: delivery.attempt })
         if (delivery.body === 'bad') throw new Error('it is bad')
       }) })`,
  )
  const work = new Workspace(t, vhost.url)
  const picky = work.start(built.of('picky'))
  await picky.logged('consuming')
  await send(vhost.url, 'picky', ['good', 'bad', 'fine'])
  await picky.until('one is dead', () => picky.counters?.dead === 1)
  const tried = picky.entries
    .filter((entry) => entry.message === 'tried')
    .map(({ body, attempt }) => `${body} ${attempt}`)
  assert.deepEqual(tried.toSorted(), ['bad 1', 'bad 2', 'bad 3', 'fine 1', 'good 1'])
  const [dead] = await take(vhost.url, 'picky.dead', 1)
  assert.equal(String(dead?.body), 'bad')
  assert.equal(dead?.headers['kedafn-cause'], 'it is bad')
  assert.equal(dead?.headers['kedafn-failed-attempts'], 3)
  picky.kill('SIGTERM')
  assert.equal((await picky.exited).code, 0)
})

test('log-alerts posts what matches: a 503 is tried again, a 404 ends dead with its cause, and nothing else is sent', async (t) => {
  const built = await bundles(undefined, ['log-alerts'])
  t.after(() => built.dispose())
  const webhook = await WebhookServer.open(t)
  const answers: Record<string, number[]> = { 'ERROR again': [503, 200], 'ERROR no': [404], 'FATAL yes': [204] }
  webhook.answer = (response, { body }) => {
    response.writeHead(answers[JSON.parse(body).line]?.shift() ?? 500).end()
  }
  const work = new Workspace(t, vhost.url)
  const alerts = work.start(built.of('log-alerts'), { ALERT_URL: webhook.url, KEDAFN_RETRY_FIRST_DELAY_MS: '20' })
  await alerts.logged('consuming')
  await send(vhost.url, 'logs', ['ERROR again', 'INFO quiet', 'ERROR no', 'FATAL yes'])
  await alerts.until('all are settled', () => alerts.counters?.acked === 3 && alerts.counters.dead === 1)
  const lines = webhook.posted.map(({ body }) => JSON.parse(body).line)
  assert.deepEqual(lines.toSorted(), ['ERROR again', 'ERROR again', 'ERROR no', 'FATAL yes'])
  const [dead] = await take(vhost.url, 'log-alerts.dead', 1)
  assert.deepEqual([String(dead?.body), dead?.headers['kedafn-cause']], ['ERROR no', 'the webhook answered 404'])
  alerts.kill('SIGTERM')
  assert.equal((await alerts.exited).code, 0)
})

test('a handler that computes leaves turns for signals and heartbeats: told to stop, it gives back what it had not begun', async (t) => {
  const built = await withFunction(
    t,
    'burner',
    `import { defineConsumer, each } from '#runtime'
     export default defineConsumer({ queue: 'burner', concurrency: 1, handle: each((_delivery, ctx) => {
       ctx.log.info('handling')
       for (const end = performance.now() + 400; performance.now() < end; );
     }) })`,
  )
  const work = new Workspace(t, vhost.url)
  const burner = work.start(built.of('burner'))
  await burner.logged('consuming')
  await send(
    vhost.url,
    'burner',
    Array.from({ length: 10 }, (_, number) => `${number}`),
  )
  await burner.logged('handling')
  burner.kill('SIGTERM')
  assert.deepEqual(await burner.exited, { code: 0, signal: null })
  const handled = burner.entries.filter(({ message }) => message === 'handling').length
  assert.ok(handled <= 4, `${handled} of 10 were begun`)
  await t.waitFor(async () => assert.equal(await ready(vhost.url, 'burner'), 10 - handled), poll)
})
