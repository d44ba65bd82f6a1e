import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problems } from '../../runtime/core/problems.ts'
import { abortAfterMs } from '../../runtime/core/scale.ts'
import { checkScaling, graceOf, type Scaling, scalingOf } from '../../runtime/core/scaling.ts'
import type { ConsumerSpec, EnvSpec } from '../../runtime/core/spec.ts'
import { each } from '../../runtime/core/verdict.ts'

type Spec = ConsumerSpec<unknown, EnvSpec, unknown>
const spec = (fields: Partial<Spec> = {}): Spec => ({ queue: 'q', handle: () => {}, ...fields })
const handle = each(() => {})

test('the numbers of a function follow from its spec', () => {
  const pick = ({
    prefetch,
    value,
    min,
    max,
    graceMs,
    terminationGracePeriodSeconds,
    cooldownReadySeconds,
  }: Scaling) => [...[prefetch, value, min, max], ...[graceMs, terminationGracePeriodSeconds, cooldownReadySeconds]]
  for (const [fields, numbers] of [
    [{}, [200, 200, 0, 10, 305_000, 310, 330]],
    [{ handle }, [20, 100, 0, 10, 305_000, 310, 330]],
    [{ handle, concurrency: 1, timeoutMs: 1000, scale: { messagesPerReplica: 1 } }, [1, 1, 0, 10, 6000, 11, 31]],
    [{ timeoutMs: 1_500_000 }, [100, 100, 0, 10, 1_505_000, 1510, 1530]],
    [{ timeoutMs: 10 }, [200, 200, 0, 10, 5010, 11, 31]],
    [{ batch: { size: 500 }, scale: { min: 2, max: 4, messagesPerReplica: 700 } }, [700, 700, 2, 4, 305_000, 310, 330]],
    [{ order: 'queue' }, [200, 200, 0, 1, 305_000, 310, 330]],
    [{ order: 'queue', scale: { min: 1, max: 2 } }, [200, 200, 1, 2, 305_000, 310, 330]],
  ] as const satisfies [Partial<Spec>, number[]][]) {
    assert.deepEqual(pick(scalingOf('fn', spec(fields))), numbers, JSON.stringify(fields))
  }
})

test('a handler may use all of its time after SIGTERM, and the process ends itself before it is killed', () => {
  for (let timeoutMs = 10; timeoutMs <= 1_500_000; timeoutMs = Math.ceil(timeoutMs * 1.3)) {
    const { graceMs, terminationGracePeriodSeconds } = graceOf(timeoutMs)
    assert.ok(abortAfterMs(graceMs) >= timeoutMs, `${timeoutMs}`)
    assert.ok(terminationGracePeriodSeconds * 1000 >= graceMs + 5000, `${timeoutMs}`)
  }
  assert.deepEqual(graceOf(null), { graceMs: 30_000, terminationGracePeriodSeconds: 35 })
})

test('a spec whose numbers cannot work together is refused with all reasons', () => {
  const name = 'n'.repeat(55)
  const refused = spec({ batch: { size: 500 }, order: 'queue', scale: { min: 4, max: 3, messagesPerReplica: 100 } })
  assert.throws(() => scalingOf(name, refused), {
    code: 'FN_SPEC_INVALID',
    message: new RegExp(
      [
        'the name is "n{55}"; expected at most 54 characters.*',
        'scale\\.min is 4; expected at most scale\\.max, which is 3.*',
        'scale\\.max is 3; expected at most 2 with order.*',
        'scale\\.messagesPerReplica is 100; expected at least 500, .*new replicas would find nothing',
      ].join('\n  - '),
    ),
  })
  assert.equal(scalingOf('n'.repeat(54), spec()).min, 0)
})

test('numbers that were changed by hand are held against the same rules', () => {
  const sound = scalingOf('fn', spec())
  const refusal = (changed: Partial<Scaling>): string => {
    const problems = new Problems()
    checkScaling(problems, 'fn', { ...sound, ...changed })
    try {
      problems.throwIfAny('FN_SPEC_INVALID', 'fn')
      return ''
    } catch (error) {
      return (error as Error).message.split('\n').slice(1).join('\n')
    }
  }
  assert.equal(refusal({}), '')
  assert.match(refusal({ graceMs: 299_999 }), /^ {2}- KEDAFN_GRACE_MS is 299999; expected at least 305000: [^\n]*$/)
  assert.match(
    refusal({ terminationGracePeriodSeconds: 305 }),
    /^ {2}- terminationGracePeriodSeconds is 305; .*SIGKILL[^\n]*$/,
  )
  assert.match(refusal({ cooldownSeconds: 13 }), /^ {2}- cooldownPeriod is 13; expected more than 13: [^\n]*$/)
})
