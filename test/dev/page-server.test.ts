import assert from 'node:assert/strict'
import { type IncomingHttpHeaders, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { UsageError } from '../../dev/arguments.ts'
import type { LiveMessage } from '../../dev/live-message.ts'
import { servePage } from '../../dev/page-server.ts'

const sent: LiveMessage = { kind: 'event', event: { atMs: 1, kind: 'action', text: 'first' } }

async function served(t: TestContext) {
  const watchers = new Set<(message: LiveMessage) => void>()
  const acted: unknown[] = []
  const page = await servePage({
    watch(watcher) {
      watchers.add(watcher)
      watcher(sent)
      return () => watchers.delete(watcher)
    },
    actions: {
      note(body) {
        acted.push(body)
        return 'noted'
      },
      refuse() {
        throw new UsageError('not that')
      },
    },
  })
  t.after(() => page.close())
  const html = await (await fetch(page.url)).text()
  const token = /name="kedafn-token" content="([0-9a-f]{32})"/.exec(html)?.[1] ?? ''
  return { page, watchers, acted, html, token, origin: new URL(page.url).origin }
}

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** n.b. fetch lets nobody choose `Host`. */
function ask(url: string, { method = 'GET', headers = {}, body = '' }: Asked = {}) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const asking = request(url, { method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    asking.on('error', reject).end(body)
  })
}

test('the page and its files are served, and nothing else', async (t) => {
  const { page, html, token } = await served(t)
  assert.match(page.url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  assert.equal(token.length, 32)
  assert.doesNotMatch(html, /__TOKEN__|https?:\/\//, 'it works without internet')
  const files = [...html.matchAll(/(?:href|src)="([^":]+)"/g)].map(([, path = '']) => path)
  const library = 'node_modules/uplot/dist'
  assert.deepEqual(files, [`${library}/uPlot.min.css`, 'page.css', 'page.js'])
  for (const path of [...files, 'chart.js', `${library}/uPlot.esm.js`]) {
    const { status, headers } = await ask(page.url + path)
    assert.equal(status, 200, path)
    assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
  for (const path of [
    '../start.ts',
    '%2e%2e/start.ts',
    'page.ts',
    'note',
    'node_modules/yaml/package.json',
    `${library}/../package.json`,
  ]) {
    assert.equal((await ask(page.url + path)).status, 404, path)
  }
})

test('who asks for it by another name is refused, whatever it asks for', async (t) => {
  const { page, token, origin, acted } = await served(t)
  for (const host of ['evil.example', `evil.example:${new URL(page.url).port}`, '127.0.0.1', '[::1]']) {
    for (const path of ['', 'events', 'page.js']) {
      assert.equal((await ask(page.url + path, { headers: { host } })).status, 403, `${host} ${path}`)
    }
    const headers = { host, origin, 'x-kedafn-token': token }
    assert.equal((await ask(`${page.url}note`, { method: 'POST', headers, body: '{}' })).status, 403)
  }
  assert.deepEqual(acted, [])
})

test('an action needs the page’s own origin and its token', async (t) => {
  const { page, token, origin, acted } = await served(t)
  const post = (headers: Record<string, string>, body = '{"a":1}', name = 'note') =>
    ask(page.url + name, { method: 'POST', headers, body })
  const mine = { origin, 'x-kedafn-token': token }
  const refused: readonly Record<string, string>[] = [
    {},
    { 'x-kedafn-token': token },
    { origin },
    { ...mine, origin: 'null' },
    { ...mine, origin: 'http://evil.example' },
    { ...mine, origin: origin.replace('http', 'https') },
    { ...mine, 'x-kedafn-token': '' },
    { ...mine, 'x-kedafn-token': token.replace(/./, (digit) => (digit === '0' ? '1' : '0')) },
  ]
  for (const headers of refused) assert.equal((await post(headers)).status, 403, JSON.stringify(headers))
  assert.deepEqual(acted, [])
  const { status, text } = await post(mine)
  assert.deepEqual([status, text], [200, 'noted\n'])
  assert.deepEqual(acted, [{ a: 1 }])
  assert.deepEqual(
    [(await post(mine, '{}', 'refuse')).status, (await post(mine, '{}', 'refuse')).text],
    [400, 'not that\n'],
  )
  assert.equal((await post(mine, 'no json')).status, 400)
  assert.equal((await post(mine, '{}', 'toString')).status, 404)
  assert.equal((await post(mine, JSON.stringify({ text: 'x'.repeat(2 ** 20) }))).status, 400)
})

test('who watches is told what there is and what comes, and is forgotten when it goes', async (t) => {
  const { page, watchers } = await served(t)
  const leave = new AbortController()
  const response = await fetch(`${page.url}events`, { signal: leave.signal })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  assert.equal((await reader?.read())?.value, `data: ${JSON.stringify(sent)}\n\n`)
  const next: LiveMessage = { ...sent, event: { ...sent.event, text: 'two\nlines' } }
  for (const watcher of watchers) watcher(next)
  assert.equal((await reader?.read())?.value, `data: ${JSON.stringify(next)}\n\n`)
  leave.abort()
  await t.waitFor(() => assert.equal(watchers.size, 0), { interval: 10, timeout: 10_000 })
})
