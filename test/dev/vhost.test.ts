import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ownVhost } from '../../dev/vhost.ts'

/** A management API that answers with the given statuses, and what it was asked. */
async function management(t: TestContext, statuses: Readonly<Record<string, number>> = {}) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const login = Buffer.from(request.headers.authorization?.slice('Basic '.length) ?? '', 'base64')
    asked.push(`${request.method} ${request.url} ${login}`)
    response.statusCode = statuses[request.method ?? ''] ?? 204
    response.end(response.statusCode >= 400 ? 'because' : undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { asked, broker: { url: 'amqp://me:p%40ss@host:5672', managementUrl: `http://me:p%40ss@127.0.0.1:${port}/` } }
}

test('a pipeline gets a vhost that the user of the address may use', async (t) => {
  const { asked, broker } = await management(t)
  assert.equal(await ownVhost(broker, 'default', false), 'amqp://me:p%40ss@host:5672/kedafn-default')
  assert.deepEqual(asked, ['PUT /api/vhosts/kedafn-default me:p@ss', 'PUT /api/permissions/kedafn-default/me me:p@ss'])
})

test('a fresh one is deleted first, if it is there', async (t) => {
  const { asked, broker } = await management(t, { DELETE: 404 })
  await ownVhost(broker, 'x', true)
  assert.equal(asked[0], 'DELETE /api/vhosts/kedafn-x me:p@ss')
  assert.equal(asked.length, 3)
})

test('a refusal is an error in the broker’s words, without the password', async (t) => {
  const { broker } = await management(t, { PUT: 403 })
  await assert.rejects(ownVhost(broker, 'x', false), (error: Error) => {
    assert.match(error.message, /answered 403 to PUT \/api\/vhosts\/kedafn-x: because/)
    assert.ok(!error.message.includes('p@ss') && !error.message.includes('p%40ss'))
    return true
  })
})
