import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { deleteOldVhosts, ownVhost } from '../../dev/vhost.ts'
import { temporaryFolder } from './folder.ts'

/** A management API that knows some vhosts, and what it was asked. */
async function management(t: TestContext, { vhosts = [] as string[], putStatus = 204 } = {}) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const login = Buffer.from(request.headers.authorization?.slice('Basic '.length) ?? '', 'base64')
    asked.push(`${request.method} ${request.url} ${login}`)
    response.statusCode = request.method === 'PUT' ? putStatus : 200
    if (request.method === 'GET') response.end(JSON.stringify(vhosts.map((name) => ({ name }))))
    else response.end(putStatus >= 400 ? 'because' : undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const broker = { url: 'amqp://me:p%40ss@host:5672', managementUrl: `http://me:p%40ss@127.0.0.1:${port}/` }
  return { asked, options: { broker, id: 'x', folder: temporaryFolder(t) } }
}

test('a pipeline gets a vhost that the user of the address may use, and the same one again', async (t) => {
  const { asked, options } = await management(t)
  for (let run = 0; run < 2; run++) {
    assert.equal(await ownVhost(options, false), 'amqp://me:p%40ss@host:5672/kedafn-x-1')
    assert.deepEqual(asked.splice(0), [
      'PUT /api/vhosts/kedafn-x-1 me:p@ss',
      'PUT /api/permissions/kedafn-x-1/me me:p@ss',
    ])
  }
})

test('a fresh one has a name that was never used', async (t) => {
  const { options } = await management(t)
  assert.match(await ownVhost(options, true), /kedafn-x-1$/)
  assert.match(await ownVhost(options, true), /kedafn-x-2$/)
  assert.match(await ownVhost(options, false), /kedafn-x-2$/)
})

test('the ones before are deleted, those of other pipelines and of other people are not', async (t) => {
  const names = ['/', 'kedafn-x-1', 'kedafn-x-2', 'kedafn-x-3', 'kedafn-xx-1', 'kedafn-x-y-1', 'kedafn-x-']
  const { asked, options } = await management(t, { vhosts: names })
  for (let run = 0; run < 3; run++) await ownVhost(options, true)
  asked.splice(0)
  await deleteOldVhosts(options)
  assert.deepEqual(asked.splice(0), [
    'GET /api/vhosts?columns=name me:p@ss',
    'DELETE /api/vhosts/kedafn-x-1 me:p@ss',
    'DELETE /api/vhosts/kedafn-x-2 me:p@ss',
  ])
})

test('a refusal is an error in the broker’s words, without the password', async (t) => {
  const { options } = await management(t, { putStatus: 403 })
  await assert.rejects(ownVhost(options, false), (error: Error) => {
    assert.match(error.message, /answered 403 to PUT \/api\/vhosts\/kedafn-x-1: because/)
    assert.ok(!error.message.includes('p@ss') && !error.message.includes('p%40ss'))
    return true
  })
})
