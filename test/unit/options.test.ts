import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxBodyBytes } from '../../runtime/core/lines.ts'
import {
  consumerOptions,
  fits,
  type IntegerOption,
  labelOf,
  producerOptions,
  rangeOf,
  textOptions,
} from '../../runtime/core/options.ts'

const integerOptions: IntegerOption[] = [...Object.values(consumerOptions), ...Object.values(producerOptions)]

test('every default is within its own range', () => {
  for (const option of integerOptions) assert.ok(fits(option.default, option), labelOf(option))
})

test('every choice has its default among it', () => {
  for (const [name, { default: standard, ...rest }] of Object.entries(textOptions)) {
    if ('choices' in rest) assert.ok((rest.choices as readonly string[]).includes(standard), name)
  }
})

test('a user can set every option somewhere, and no variable twice', () => {
  for (const { spec, env } of integerOptions) assert.ok(spec !== null || env !== null)
  for (const table of [consumerOptions, producerOptions]) {
    const variables = [...Object.values(table).map(({ env }) => env), ...Object.keys(textOptions)].filter(Boolean)
    assert.equal(new Set(variables).size, variables.length)
  }
})

test('variables of the runtime carry its prefix, and a number its unit in the name or in the meaning', () => {
  for (const { env, spec, meaning } of integerOptions) {
    // OpenTelemetry names its own.
    if (env !== null) assert.match(env, /^(KEDAFN|OTEL_EXPORTER_PROMETHEUS)_[A-Z_]+$/)
    if (`${spec}${env}`.match(/ms$/i)) assert.match(meaning, /\bms\b/)
  }
})

test('a line may be as long as the largest message', () => {
  assert.equal(producerOptions.maxLineBytes.max, maxBodyBytes)
})

test('a label names the place in the spec and the variable, whichever there is', () => {
  assert.equal(labelOf(consumerOptions.batchSize), 'batch.size (KEDAFN_BATCH_SIZE)')
  assert.equal(labelOf(consumerOptions.scaleMin), 'scale.min')
  assert.equal(labelOf(producerOptions.window), 'KEDAFN_WINDOW')
})

test('only whole numbers in range fit', () => {
  const option = { ...consumerOptions.concurrency, min: 1, max: 3 }
  assert.equal(rangeOf(option), 'a whole number from 1 to 3')
  for (const value of [1, 2, 3]) assert.ok(fits(value, option))
  for (const value of [0, 4, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', 2n, null, undefined, [2]]) {
    assert.ok(!fits(value, option), String(value))
  }
})
