import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { staleScalers } from '../../dev/stale-scaler.ts'
import type { ConsumerSpec, EnvSpec } from '../../runtime/core/spec.ts'
import { discoverFunctions, inspectFunctions } from '../../tooling/functions.ts'
import { temporaryFolder } from './folder.ts'

const repository = join(import.meta.dirname, '..', '..')

test('what is rendered of the specs as they are is not stale', async () => {
  const facts = await inspectFunctions(repository, discoverFunctions(repository))
  assert.deepEqual(staleScalers(facts, repository), [])
})

test('a spec whose numbers were edited is named with the numbers it is scaled by, and what to type', (t) => {
  const root = temporaryFolder(t)
  mkdirSync(join(root, 'keda'))
  cpSync(join(repository, 'keda', 'base'), join(root, 'keda', 'base'), { recursive: true })
  const specOf = (scale: object) =>
    ({ queue: 'logs', handle: () => {}, scale }) as ConsumerSpec<unknown, EnvSpec, unknown>
  const stale = (name: string, scale: object) => staleScalers([{ name, spec: specOf(scale) }], root)
  assert.deepEqual(stale('log-consumer', { max: 5, messagesPerReplica: 300 }), [
    'log-consumer is scaled by keda/base/log-consumer.yaml: 0 to 10 replicas, not 0 to 5, one for 1000 messages, not for 300; npx kedafn build --manifests renders what its spec says, for the next start',
  ])
  assert.deepEqual(stale('log-consumer', { max: 10, messagesPerReplica: 1000 }), [])
  assert.deepEqual(stale('not-rendered', { max: 5 }), [])
})
