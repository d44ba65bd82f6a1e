import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FunctionSpec, isConsumer, requiredVariables } from '../../runtime/core/spec.ts'
import { defineConsumer, defineProducer, lines } from '../../runtime/index.ts'

test('a spec with a handler is a consumer, one with a map a producer', () => {
  assert.equal(isConsumer(defineConsumer({ queue: 'q', handle: () => {} }) as FunctionSpec), true)
  const producer = defineProducer({ source: lines({ path: 'p' }), queue: 'q', map: () => null })
  assert.equal(isConsumer(producer as FunctionSpec), false)
})

test('defining a function returns the spec as it is', () => {
  const spec = { queue: 'q', handle: () => {} }
  assert.equal(defineConsumer(spec), spec)
  const producer = { source: lines({ path: 'p' }), queue: 'q', map: () => null }
  assert.equal(defineProducer(producer), producer)
  assert.deepEqual(producer.source, { kind: 'lines', path: 'p' })
})

test('what has no default has to be set, by its name and with what it is for', () => {
  const env = { PATH_OF: { default: '' }, TOKEN: { secret: true, description: 'the token' } }
  assert.deepEqual(requiredVariables({ env }), [['TOKEN', env.TOKEN]])
  assert.deepEqual(requiredVariables({}), [])
})
