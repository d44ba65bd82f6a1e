import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import type { FunctionProcess } from '../support/function-process.ts'
import { send } from '../support/queues.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { bundles, Workspace } from '../support/workspace.ts'

const vhost = await openVhost('process-probes')
const built = await bundles()
after(async () => {
  built.dispose()
  await vhost.dispose()
})

const poll = { interval: 20, timeout: 20_000 }

async function portOf(running: FunctionProcess): Promise<number> {
  await running.logged('answering probes')
  return Number(running.entries.find(({ message }) => message === 'answering probes')?.port)
}

async function ask(port: number, path: string, method = 'GET'): Promise<{ status: number | undefined; body: string }> {
  const asking = request({ host: '127.0.0.1', port, path, method, agent: false })
  asking.end()
  const [response] = await once(asking, 'response')
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { status: response.statusCode, body }
}

/** A consumer on its own, through a proxy that can cut its connection and keep it away. */
async function behindProxy(t: TestContext, env: Record<string, string> = {}) {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy[Symbol.asyncDispose]())
  const work = new Workspace(t, proxy.via(vhost.url))
  return { proxy, running: work.start(built.of('log-consumer'), env) }
}

test('a consumer that consumes is live and ready; one that lost its broker is live and not ready, until it is over its budget', async (t) => {
  const { proxy, running } = await behindProxy(t, { KEDAFN_RECONNECT_BUDGET_MS: '1500' })
  const port = await portOf(running)
  await t.waitFor(async () => assert.deepEqual(await ask(port, '/readyz'), { status: 200, body: 'ok\n' }), poll)
  assert.equal((await ask(port, '/livez')).status, 200)
  await proxy.shut()
  await t.waitFor(async () => assert.equal((await ask(port, '/readyz')).status, 503), poll)
  assert.match((await ask(port, '/readyz')).body, /^no\nconsumer: no session for \d+ ms: /)
  await t.waitFor(async () => assert.equal((await ask(port, '/livez')).status, 503), poll)
  await proxy.open()
  await t.waitFor(async () => {
    assert.equal((await ask(port, '/livez')).status, 200)
    assert.equal((await ask(port, '/readyz')).status, 200)
  }, poll)
})

test('other paths and methods are told what there is', async (t) => {
  const work = new Workspace(t, vhost.url)
  const port = await portOf(work.start(built.of('log-consumer')))
  assert.deepEqual(await ask(port, '/'), { status: 404, body: 'There is /livez /readyz /metrics\n' })
  assert.equal((await ask(port, '/livez?verbose', 'HEAD')).body, '')
  assert.equal((await ask(port, '/livez', 'POST')).status, 405)
})

test('told to, a function opens no port', async (t) => {
  const work = new Workspace(t, vhost.url)
  const first = work.start(built.of('log-consumer'), { KEDAFN_METRICS: 'off' })
  await first.logged('consuming')
  await send(vhost.url, 'logs', ['one'])
  await first.until('it is acked', () => first.counters?.acked === 1)
  first.kill('SIGTERM')
  assert.equal((await first.exited).code, 0)
  assert.equal(
    first.entries.some(({ message }) => message === 'answering probes'),
    false,
  )
})

test('a port that is taken stops nothing: an error says what to do, and deliveries go on', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const work = new Workspace(t, vhost.url)
  const port = (taken.address() as AddressInfo).port
  const running = work.start(built.of('log-consumer'), { OTEL_EXPORTER_PROMETHEUS_PORT: `${port}` })
  await running.logged('no port for probes: nothing can ask how this process is')
  const entry = running.entries.find(({ level }) => level === 'error')
  assert.match(JSON.stringify(entry), /EADDRINUSE.*OTEL_EXPORTER_PROMETHEUS_PORT/)
  await send(vhost.url, 'logs', ['two'])
  await t.waitFor(() => assert.deepEqual(work.lines(), ['two']), poll)
})
