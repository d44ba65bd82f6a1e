import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { byNumber, numbered, poll } from './support/app.ts'
import { Kubectl } from './support/kubectl.ts'

const overlay = join(import.meta.dirname, '..', '..', 'manifests', 'overlays', 'k3d')
const kubectl = new Kubectl('kedafn')

const files = (command: string) => kubectl.run('exec', 'files', '--', 'sh', '-c', command)

const replicas = async (): Promise<number> => (await kubectl.replicas('log-consumer')).all

test('the overlay k3d alone: lines of a ConfigMap and of a volume arrive, and the consumers go 0 -> N -> 0', async (t) => {
  t.after(() => kubectl.run('delete', 'namespace', 'kedafn', '--ignore-not-found', '--timeout=120s'))
  const begun = performance.now()
  const said = await kubectl.run('apply', '-k', overlay)
  assert.doesNotMatch(said, /Warning/)
  for (const target of ['statefulset/rabbitmq', 'deployment/log-producer', 'deployment/log-producer-volume']) {
    await kubectl.run('rollout', 'status', target, '--timeout=180s')
  }
  t.diagnostic(`everything ready after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  await kubectl.run('apply', '-f', join(overlay, 'files.yaml'))
  await kubectl.run('wait', '--for=condition=Ready', 'pod/files', '--timeout=120s')
  const output = async () => (await files('cat /output/output.txt 2>/dev/null || true')).split('\n').slice(0, -1)
  await t.waitFor(async () => assert.equal((await output()).length, 3), poll)
  await t.waitFor(async () => assert.equal(await replicas(), 0), poll)
  const dropped = performance.now()
  const seconds = () => ((performance.now() - dropped) / 1000).toFixed(1)
  await files('i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done >> /input/input.txt')
  await t.waitFor(async () => assert.ok((await replicas()) >= 1), poll)
  t.diagnostic(`first consumer ${seconds()} s after the lines`)
  await t.waitFor(async () => assert.equal((await output()).length, 20_003), poll)
  t.diagnostic(`all written ${seconds()} s after the lines`)
  const lines = await output()
  const fromVolume = lines.filter((line) => line.startsWith('line '))
  // Where more than one consumer came, their batches stand as they were written.
  assert.deepEqual(fromVolume.map((line) => line.slice('line '.length)).toSorted(byNumber), numbered(20_000))
  const configMap = await kubectl.json<{ data: Record<string, string> }>('get', 'configmap', 'input')
  const fromConfigMap = lines.filter((line) => !line.startsWith('line '))
  assert.deepEqual(fromConfigMap, configMap.data['input.txt']?.trimEnd().split('\n'))
  // Edited, a ConfigMap is another file: what was sent is not sent again.
  const added = `${configMap.data['input.txt']}and one line more\n`
  await kubectl.run(
    'patch',
    'configmap',
    'input',
    '--type=merge',
    '-p',
    JSON.stringify({ data: { 'input.txt': added } }),
  )
  await t.waitFor(async () => assert.equal((await output()).at(-1), 'and one line more'), poll)
  assert.equal((await output()).length, 20_004)
  await t.waitFor(async () => assert.equal(await replicas(), 0), poll)
  t.diagnostic(`back to 0 ${seconds()} s after the lines`)
})
