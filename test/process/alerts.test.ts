import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { alerts } from '../../tooling/render/alerts.ts'
import { firing, quickRules } from '../support/alert-rules.ts'
import { ownBroker } from '../support/broker.ts'
import { freePort } from '../support/free-port.ts'
import type { FunctionProcess } from '../support/function-process.ts'
import { hasPrometheus, PrometheusProcess } from '../support/prometheus-process.ts'
import { ready, send } from '../support/queues.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

/** All but those of KEDA and Kubernetes: test/e2e/alerts.e2e.ts has them fire on a cluster. */
const names = alerts
  .map(({ alert }) => alert)
  .filter(
    (name) => !['KedafnAtMaxReplicas', 'KedafnScalerErrors', 'KedafnPausedTooLong', 'KedafnKedaDown'].includes(name),
  )
const poll = { interval: 500, timeout: 120_000 }
/** Ten scrapes, after which what is over is forgotten. */
const quick = { window: '10s', pending: '2s' }
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `line ${from + index}`)
const textOf = (lines: readonly string[]) => `${lines.join('\n')}\n`

/** `fates` does what its messages say, `fragile` dies of one, and each producer has a queue of its own. */
const functions: Readonly<Record<string, string>> = {
  fates: `import { defineConsumer, drop, text } from '#runtime'
    export default defineConsumer({ queue: 'fates', decode: text, batch: { size: 1 }, handle: ([delivery]) => {
      if (delivery.body === 'drop') return [drop(delivery, 'told to')]
    } })`,
  stubborn: `import { defineConsumer, text } from '#runtime'
    export default defineConsumer({ queue: 'stubborn', decode: text, handle: () => new Promise(() => {}) })`,
  fragile: `import { defineConsumer, text } from '#runtime'
    export default defineConsumer({ queue: 'fragile', decode: text, handle: () => process.kill(process.pid, 'SIGKILL') })`,
  ...Object.fromEntries(
    ['lagging', 'cut', 'astray', 'blocked'].map((queue) => [
      queue,
      `import { defineProducer, lines, text } from '#runtime'
       export default defineProducer({ source: lines({ path: 'input.txt' }), queue: '${queue}', encode: text, map: (line) => ({ body: line.text }) })`,
    ]),
  ),
}

/** A broker, the functions, and a Prometheus with our rules that scrapes them all. */
async function ground(t: TestContext) {
  const prometheusPort = await freePort()
  const broker = await ownBroker(() => {}, { prometheusPort })
  after(() => broker.dispose())
  const repository = copyRepository(t)
  for (const [name, source] of Object.entries(functions)) repository.write(`functions/${name}/function.ts`, source)
  const built = await bundles(repository.root, Object.keys(functions))
  t.after(() => built.dispose())
  const targets = new Workspace(t, broker.url).path('targets.json')
  const scraped: object[] = []
  writeFileSync(targets, '[]')
  const start = (name: string, { amqpUrl = broker.url, env = {} } = {}) => {
    const work = new Workspace(t, amqpUrl)
    work.write('')
    const running = work.start(built.of(name), env)
    void running.logged('answering probes').then(
      () => {
        const entry = running.entries.find(({ message }) => message === 'answering probes')
        scraped.push({ targets: [`127.0.0.1:${entry?.port}`], labels: { pod: `${name}-${running.child.pid}` } })
        writeFileSync(targets, JSON.stringify(scraped))
      },
      () => {},
    )
    return { running, work }
  }
  const prometheus = await PrometheusProcess.start(
    [
      { job_name: 'functions', file_sd_configs: [{ files: [targets] }] },
      { job_name: 'broker', static_configs: [{ targets: [`127.0.0.1:${prometheusPort}`] }] },
      {
        job_name: 'queues',
        metrics_path: '/metrics/detailed',
        params: { family: ['queue_coarse_metrics', 'queue_consumer_count'] },
        static_configs: [{ targets: [`127.0.0.1:${prometheusPort}`] }],
      },
    ],
    { groups: quickRules(quick).flatMap(({ spec }) => spec.groups) },
  )
  t.after(() => prometheus[Symbol.asyncDispose]())
  return { broker, start, prometheus }
}

/** Does something to the broker on a channel. */
async function onChannel(
  url: string,
  work: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>) => Promise<unknown>,
): Promise<void> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createConfirmChannel()
    await work(channel)
    await channel.waitForConfirms()
  } finally {
    await connection.close()
  }
}

/** Lives one after the other, as a kubelet would give it, until the message is dead. */
async function livesOf(start: () => FunctionProcess): Promise<FunctionProcess> {
  for (let lives = 0; lives < 15; lives++) {
    const running = start()
    const dead = running.until('it is dead', () => running.counters?.dead === 1).then(() => true)
    dead.catch(() => {})
    if (await Promise.race([dead, running.exited.then(() => false)]).catch(() => false)) return running
  }
  throw new Error('it dies for ever')
}

test('a fault each: what is told of functions and broker fires in a real Prometheus, and is over when the fault is', async (t) => {
  if (!hasPrometheus()) return t.skip('there is no prometheus on this machine')
  const { broker, start, prometheus } = await ground(t)
  const { url, ctl } = broker
  const fires = (name: string, labels: Record<string, string> = {}) => firing(prometheus.url, name, labels)
  const proxy = await TcpProxy.to(url)
  t.after(() => proxy[Symbol.asyncDispose]())
  const consumers = ['fates', 'stubborn', 'fragile'].map((name) => start(name, { env: { KEDAFN_GRACE_MS: '20000' } }))
  const [, stubborn, fragile] = consumers.map(({ running }) => running) as [unknown, FunctionProcess, FunctionProcess]
  const cut = start('cut', { amqpUrl: proxy.via(url) })
  const [astray, blocked] = [start('astray'), start('blocked')]
  for (const { running } of consumers) await running.logged('consuming')
  for (const { running, work } of [cut, astray, blocked]) {
    work.append(textOf(numbered(10)))
    await running.until('its lines are confirmed', () => running.counters?.confirmed === 10)
  }
  await onChannel(url, (channel) => Promise.all(['cut', 'astray', 'blocked'].map((queue) => channel.purgeQueue(queue))))
  await t.waitFor(async () => {
    const [up] = await prometheus.api.now('count(up == 1)')
    assert.equal(up?.values[0]?.[1], '8')
    for (const name of names) assert.deepEqual(await fires(name), [], name)
  }, poll)

  const seen: string[] = []
  const until = async (name: string, labels: Record<string, string> = {}, meanwhile = () => {}) => {
    await t.waitFor(async () => {
      meanwhile()
      assert.notEqual((await fires(name, labels)).length, 0, name)
    }, poll)
    seen.push(name)
  }
  await proxy.shut()
  cut.work.append(textOf(numbered(10, 10)))
  // Messages that nobody takes, from a producer whose checkpoint is not saved for a minute.
  const slowly = { KEDAFN_CHECKPOINT_MS: '60000', KEDAFN_CHECKPOINT_LINES: '1000000' }
  const lagging = start('lagging', { env: slowly })
  let appended = 0
  const growing = () => {
    lagging.work.append(textOf(numbered(1500, appended)))
    appended += 1500
  }
  await onChannel(url, async (channel) => {
    await channel.assertQueue('by-hand', { messageTtl: 1 })
    channel.publish('', 'by-hand', Buffer.from('expires'))
    for (const queue of ['astray', 'astray.history']) await channel.unbindQueue(queue, 'astray', '')
    channel.publish('', 'fates', Buffer.from('old'), { timestamp: Math.floor(Date.now() / 1000) - 3600 })
  })
  astray.work.append(textOf(numbered(10, 10)))
  fragile.kill('SIGTERM')
  await fragile.exited
  await send(url, 'fragile', ['poison'])
  await send(url, 'stubborn', ['hang'])
  await send(url, 'fates', ['drop'])
  const survivor = livesOf(() => start('fragile').running)
  await until('KedafnDeadLetters', { service_name: 'fates', cause: 'FN_DROPPED' })
  await until('KedafnDeadLetters', { queue: 'fates.dead' })
  await until('KedafnMessagesOld', { service_name: 'fates' })
  await until('KedafnDeadLettersDropped')
  await until('KedafnUnroutable', { service_name: 'astray' })
  stubborn.kill('SIGTERM')
  await survivor
  await until('KedafnCrashLoop', { service_name: 'fragile' })
  await until('KedafnDeadLetters', { service_name: 'fragile', cause: 'FN_CRASH_LOOP' })
  await until('KedafnDrainTooLong', { service_name: 'stubborn' })
  await until('KedafnNoConsumers', { queue: 'lagging' }, growing)
  await until('KedafnBacklogGrows', { queue: 'lagging' }, growing)
  await until('KedafnCheckpointLags', { service_name: 'lagging' }, growing)
  await until('KedafnCheckpointStuck', { service_name: 'cut' })
  await ctl('set_vm_memory_high_watermark', '0.0000001')
  blocked.work.append(textOf(numbered(10, 10)))
  await until('KedafnBrokerAlarm')
  await until('KedafnPublishingBlocked', { service_name: 'blocked' })
  assert.deepEqual(new Set(seen), new Set(names))
  t.diagnostic(`${new Set(seen).size} alerts fired`)

  await ctl('set_vm_memory_high_watermark', '0.6')
  await proxy.open()
  await onChannel(url, (channel) => channel.bindQueue('astray', 'astray', ''))
  // What came meanwhile is taken, or was never to be.
  await t.waitFor(async () => assert.equal(await ready(url, 'astray'), 10), poll)
  await onChannel(url, (channel) => Promise.all(['astray', 'cut', 'blocked'].map((queue) => channel.purgeQueue(queue))))
  lagging.running.kill('SIGTERM')
  await lagging.running.exited
  await t.waitFor(async () => {
    await onChannel(url, (channel) =>
      Promise.all(['lagging', 'stubborn', 'cut', 'blocked'].map((queue) => channel.purgeQueue(queue))),
    )
    for (const name of names) assert.deepEqual(await fires(name), [], name)
  }, poll)
})
