import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { composed, type KubernetesObject, kustomizations, rendered, scalers, validation } from './kustomizations.ts'

const problemsOf = (objects: readonly KubernetesObject[]) => objects.flatMap((one) => validation.problemsOf(one))

for (const folder of kustomizations) {
  test(`${folder}: every object has the fields of its kind, and no other`, () => {
    assert.deepEqual(problemsOf(rendered(folder)), [])
  })
}

for (const scaler of scalers) {
  test(`the base with ${scaler}: every object has the fields of its kind, and no other`, () => {
    assert.deepEqual(problemsOf(composed('manifests/base', scaler)), [])
  })
}

test('the pod that reaches the volumes has the fields of its kind, and no other', () => {
  const file = join(import.meta.dirname, '..', '..', 'manifests', 'overlays', 'k3d', 'files.yaml')
  assert.deepEqual(problemsOf([parse(readFileSync(file, 'utf8')) as KubernetesObject]), [])
})

/** A copy of `value` for each object in it, with one field more in that object. */
function* withOneFieldMore(value: unknown, path = ''): Generator<{ path: string; copy: unknown }> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield { path, copy: { ...value, unheardOf: {} } }
  for (const [key, inner] of Object.entries(value)) {
    for (const { path: deeper, copy } of withOneFieldMore(inner, `${path}/${key}`)) {
      yield { path: deeper, copy: Array.isArray(value) ? value.with(Number(key), copy) : { ...value, [key]: copy } }
    }
  }
}

test('one field more is refused wherever it stands, but among the free arguments of a queue', () => {
  const one = new Map(
    kustomizations.flatMap(rendered).map((object) => [`${object.kind} ${JSON.stringify(object.spec)}`, object]),
  )
  const accepted = [...one.values()].flatMap((object) =>
    [...withOneFieldMore(object)]
      .filter(({ copy }) => validation.problemsOf(copy as KubernetesObject).length === 0)
      .map(({ path }) => `${object.kind}${path}`),
  )
  assert.deepEqual([...new Set(accepted)], ['Queue/spec/arguments'])
})

test('a wrong case, a number for a string and an unknown kind are named', () => {
  const scaled = rendered('keda/base').find(({ kind }) => kind === 'ScaledObject')
  assert.ok(scaled)
  const { spec } = scaled
  const [trigger] = spec.triggers
  const triggers = [{ ...trigger, metadata: { ...trigger.metadata, value: 1000 } }]
  assert.deepEqual(validation.problemsOf({ ...scaled, spec: { ...spec, cooldownperiod: 30, triggers } }), [
    "keda.sh/v1alpha1/ScaledObject log-consumer/spec: must NOT have additional properties 'cooldownperiod'",
    'keda.sh/v1alpha1/ScaledObject log-consumer/spec/triggers/0/metadata/value: must be string',
  ])
  assert.deepEqual(validation.problemsOf({ ...scaled, apiVersion: 'keda.sh/v2' }), [
    'keda.sh/v2/ScaledObject: there is no schema of this kind',
  ])
})
