import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { copyRepository, type Repository } from '../tooling/repository.ts'

const root = join(import.meta.dirname, '..', '..')
const render = (repository: Repository, ...args: string[]) =>
  spawnSync(process.execPath, ['build.mjs', '--manifests', ...args], { cwd: repository.root, encoding: 'utf8' })

test('a changed spec, a changed file and a leftover are drift, and rendering mends them', (t) => {
  const repository = copyRepository(t)
  for (const folder of ['manifests', 'keda']) cpSync(join(root, folder), repository.path(folder), { recursive: true })
  assert.equal(render(repository, '--check').status, 0)
  const spec = 'functions/log-consumer/function.ts'
  repository.write(spec, repository.read(spec).replace('max: 10', 'max: 11'))
  repository.write('manifests/base/gone.yaml', 'kind: Left\n')
  rmSync(repository.path('manifests/base/broker.yaml'))
  const { status, stdout } = render(repository, '--check')
  assert.equal(status, 1)
  assert.deepEqual(stdout.trim().split('\n'), [
    'keda/base/log-consumer.yaml',
    'keda/hpa-cpu/hpa.yaml',
    'keda/scaledjob/jobs.yaml',
    'manifests/base/broker.yaml',
    'manifests/base/gone.yaml',
  ])
  assert.equal(render(repository).stdout, stdout)
  assert.match(repository.read('keda/base/log-consumer.yaml'), /maxReplicaCount: 11/)
  assert.equal(render(repository, '--check').status, 0)
})

test('a producer is told that the consumer of its queue wants an order', (t) => {
  const repository = copyRepository(t)
  const spec = 'functions/log-consumer/function.ts'
  assert.equal(render(repository).status, 0)
  assert.doesNotMatch(repository.read('manifests/base/log-producer.yaml'), /KEDAFN_QUEUE_ORDERED/)
  const ordered = repository
    .read(spec)
    .replace('max: 10', 'max: 1')
    .replace("queue: 'logs',", "queue: 'logs',\n  order: 'queue',")
  repository.write(spec, ordered)
  const { status, stderr } = render(repository)
  assert.equal(status, 0, stderr)
  assert.match(repository.read('manifests/base/log-producer.yaml'), /KEDAFN_QUEUE_ORDERED: "true"/)
})

test('a spec whose numbers cannot work is named with the reason, and nothing is written', (t) => {
  const repository = copyRepository(t)
  const spec = 'functions/log-consumer/function.ts'
  repository.write(spec, repository.read(spec).replace('1_000 }', '100 }'))
  const { status, stderr } = render(repository)
  assert.equal(status, 2)
  assert.match(stderr, /log-consumer\n.*scale\.messagesPerReplica is 100; expected at least 500/)
  assert.ok(!existsSync(repository.path('manifests')))
})

test('a producer that packs more than its consumer knows of is refused, and one that packs no more is not', (t) => {
  const repository = copyRepository(t)
  const change = (name: string) => {
    const path = `functions/${name}/function.ts`
    repository.write(path, repository.read(path).replace("queue: 'logs',", "queue: 'logs',\n  linesPerMessage: 100,"))
  }
  change('log-producer')
  const { status, stderr } = render(repository)
  assert.equal(status, 2)
  assert.match(stderr, /log-consumer: linesPerMessage is 1; expected 100, for log-producer packs so many/)
  change('log-consumer')
  assert.equal(render(repository).status, 0)
})
