import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { choosePorts } from '../../dev/broker/ports.ts'

function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-ports-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'ports.json')
}

async function occupy(t: TestContext, port: number, host: string): Promise<void> {
  const listener = createServer().listen({ host, port })
  await once(listener, 'listening')
  t.after(() => listener.close())
}

test('ports are kept for the next time, and are none that the system gives to clients', async (t) => {
  const path = file(t)
  const ports = await choosePorts(path)
  assert.deepEqual(await choosePorts(path), ports)
  const all = Object.values(ports)
  assert.equal(new Set(all).size, 4)
  for (const port of all) assert.ok(port >= 20_000 && port < 32_768, `${port}`)
})

for (const host of ['127.0.0.1', '0.0.0.0']) {
  test(`a kept port on which somebody listens at ${host} gives way to new ones`, async (t) => {
    const path = file(t)
    const before = await choosePorts(path)
    await occupy(t, before.management, host)
    const after = await choosePorts(path)
    assert.notEqual(after.management, before.management)
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), after)
  })
}

for (const text of ['', 'null', '{"amqp":1}', '{"amqp":0,"management":1,"distribution":2,"epmd":3}', '{"amqp":"a"}']) {
  test(`a file of ports that holds ${JSON.stringify(text)} is written anew`, async (t) => {
    const path = file(t)
    writeFileSync(path, text)
    const ports = await choosePorts(path)
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), ports)
  })
}
