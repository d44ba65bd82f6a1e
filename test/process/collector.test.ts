import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { after, type TestContext, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { freePort } from '../support/free-port.ts'
import { bundles, Workspace } from '../support/workspace.ts'

const vhost = await openVhost('process-collector')
after(() => vhost.dispose())
/** OpenTelemetry's collector, as test/process/collector/main.go says how to build it. */
const collector = process.env.KEDAFN_OTELCOL

/** @returns what it prints, of spans and of their links */
async function collecting(t: TestContext, work: Workspace) {
  const endpoint = `127.0.0.1:${await freePort()}`
  const pipeline = { traces: { receivers: ['otlp'], exporters: ['debug'] } }
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    exporters: { debug: { verbosity: 'detailed' } },
    service: { telemetry: { metrics: { level: 'none' } }, pipelines: pipeline },
  }
  // n.b. JSON is YAML.
  work.write(JSON.stringify(config), 'collector.yaml')
  const child = spawn(collector ?? '', ['--config', `file:${work.path('collector.yaml')}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    printed += text
  })
  t.after(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'close')
  })
  await t.waitFor(() => assert.match(printed, /Everything is ready/), { interval: 50, timeout: 30_000 })
  return {
    endpoint: `http://${endpoint}`,
    spans: () =>
      printed
        .split(/^Span #\d+$/m)
        .slice(1)
        .map((span) => ({
          name: /Name +: (.+)/.exec(span)?.[1],
          id: /^ +ID +: (\w+)/m.exec(span)?.[1],
          links: [...span.matchAll(/-> ID: (\w+)/g)].map(([, id]) => id),
        })),
  }
}

test("OpenTelemetry's own collector takes the spans: each line's publish, and a batch with a link to each of them", {
  skip: collector === undefined && 'KEDAFN_OTELCOL does not say where a collector is',
}, async (t) => {
  const built = await bundles(undefined, ['log-producer', 'log-consumer'], { otlp: true })
  t.after(() => built.dispose())
  const work = new Workspace(t, vhost.url)
  const { endpoint, spans } = await collecting(t, work)
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: '50' }
  writeFileSync(work.path('input.txt'), 'one\ntwo\nthree\n')
  assert.equal((await work.start(built.of('log-producer'), { ...env, KEDAFN_ONCE: 'true' }).exited).code, 0)
  const consumer = work.start(built.of('log-consumer'), env)
  await consumer.until('all are acked', () => consumer.counters?.acked === 3)
  consumer.kill('SIGTERM')
  assert.equal((await consumer.exited).code, 0)
  await t.waitFor(
    () => {
      const published = spans().filter(({ name }) => name === 'publish logs')
      const processed = spans().filter(({ name }) => name === 'process logs')
      assert.equal(published.length, 3)
      assert.deepEqual(processed.flatMap(({ links }) => links).sort(), published.map(({ id }) => id).sort())
    },
    { interval: 50, timeout: 30_000 },
  )
})
