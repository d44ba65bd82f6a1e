import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DropError, FnError } from '../../runtime/core/errors.ts'
import type { Context, Delivery } from '../../runtime/core/spec.ts'
import { drop, each, errorTypeOf, isSingle, retry, verdictsOf } from '../../runtime/core/verdict.ts'

const delivery = (id: string, attempt = 1): Delivery<string> => {
  return { id, body: id, bytes: new Uint8Array(), attempt, redelivered: false, headers: {} }
}
const [a, b, c] = [delivery('a'), delivery('b', 2), delivery('c', 3)]
const batch = [a, b, c]
const options = { attempts: 3, firstDelayMs: 1000, maxDelayMs: 60_000, maxAgeMs: 3_600_000 }
const now = Date.UTC(2026, 0, 1, 12)
const ctx = {} as Context

test('nothing returned, or an empty list, acks every delivery', () => {
  for (const returned of [undefined, []]) {
    assert.deepEqual(verdictsOf(batch, { returned }, options, now), [{ kind: 'ack' }, { kind: 'ack' }, { kind: 'ack' }])
  }
})

test('only the deliveries that the list names are not acked', () => {
  assert.deepEqual(verdictsOf(batch, { returned: [drop(c, 'useless'), retry(a, new Error('busy'))] }, options, now), [
    { kind: 'retry', delayMs: 1000, failed: 1, code: 'FN_HANDLER_FAILED', cause: 'busy' },
    { kind: 'ack' },
    { kind: 'dead', failed: 3, code: 'FN_DROPPED', cause: 'useless' },
  ])
})

test('a throw retries the whole batch, each delivery by its own count, until its attempts are used up', () => {
  assert.deepEqual(verdictsOf(batch, { threw: new Error('down') }, options, now), [
    { kind: 'retry', delayMs: 1000, failed: 1, code: 'FN_HANDLER_FAILED', cause: 'down' },
    { kind: 'retry', delayMs: 2000, failed: 2, code: 'FN_HANDLER_FAILED', cause: 'down' },
    { kind: 'dead', failed: 3, code: 'FN_ATTEMPTS_EXHAUSTED', cause: 'down' },
  ])
})

test('a delivery beyond its attempts, as after the setting was lowered, is dead', () => {
  const [verdict] = verdictsOf([delivery('a', 9)], { threw: 'x' }, options, now)
  assert.deepEqual(verdict, { kind: 'dead', failed: 9, code: 'FN_ATTEMPTS_EXHAUSTED', cause: 'x' })
})

test('a throw of undefined is a throw', () => {
  const [verdict] = verdictsOf([a], { threw: undefined }, options, now)
  assert.equal(verdict?.kind, 'retry')
})

test('a throw that says drop gives the whole batch up at once', () => {
  const verdicts = verdictsOf(batch, { threw: new DropError('poison') }, options, now)
  assert.deepEqual(
    verdicts,
    [1, 2, 3].map((failed) => ({ kind: 'dead', failed, code: 'FN_DROPPED', cause: 'poison' })),
  )
})

for (const [what, returned, cause] of [
  ['null', null, 'expected nothing or a list of retry() and drop(), got null'],
  ['true', true, 'expected nothing or a list of retry() and drop(), got boolean'],
  ['one outcome without a list', retry(a, 'x'), 'expected nothing or a list of retry() and drop(), got object'],
  ['a list with a hole', [null], 'the list holds something else than retry() and drop()'],
  ['a list of deliveries', [a], 'the list holds something else than retry() and drop()'],
  ['a list of numbers', [1], 'the list holds something else than retry() and drop()'],
  ['a verdict without delivery', [{ verdict: 'drop' }], 'the list holds something else than retry() and drop()'],
  [
    'an unknown verdict',
    [{ ...drop(a, 'x'), verdict: 'ack' }],
    'the list holds something else than retry() and drop()',
  ],
  ['a delivery of another batch', [drop(delivery('a'), 'x')], 'an outcome names a delivery that is not in the batch'],
  ['the same delivery twice', [drop(b, 'x'), retry(b, 'y')], 'two outcomes name the delivery b'],
] as const) {
  test(`a handler that returns ${what} is mistaken, and no delivery counts as done`, () => {
    const verdicts = verdictsOf(batch, { returned }, options, now)
    assert.deepEqual(verdicts[0], { kind: 'retry', delayMs: 1000, failed: 1, code: 'FN_OUTCOME_INVALID', cause })
    assert.deepEqual(
      verdicts.map(({ kind }) => kind),
      ['retry', 'retry', 'dead'],
    )
  })
}

test('each calls its handler with every delivery, the context and the resource', async () => {
  const seen: unknown[] = []
  const handle = each<string, Record<never, never>, string>((...args) => void seen.push(args))
  assert.deepEqual(await handle(batch, ctx, 'resource'), [])
  assert.deepEqual(
    seen,
    batch.map((one) => [one, ctx, 'resource']),
  )
})

test('each takes a throw or a rejection for that delivery alone, and what it says', async () => {
  const busy = new Error('busy')
  const poison = new DropError('poison')
  const handle = each<string, Record<never, never>, undefined>((one) => {
    if (one === a) throw busy
    return one === b ? Promise.reject(poison) : Promise.resolve()
  })
  assert.deepEqual(await handle(batch, ctx, undefined), [retry(a, busy), drop(b, poison)])
})

test('each counts a returned outcome, alone or in a list, and ignores any other value', async () => {
  const handle = each<string, Record<never, never>, undefined>(async (one) => {
    if (one === a) return drop(one, 'useless')
    return one === b ? [retry(one, 'busy')] : { verdict: 'fine', rows: 1 }
  })
  assert.deepEqual(await handle(batch, ctx, undefined), [drop(a, 'useless'), retry(b, 'busy')])
})

test('each runs the deliveries of a batch side by side', async () => {
  const started: string[] = []
  const gate = Promise.withResolvers<void>()
  const handle = each<string, Record<never, never>, undefined>(async (one) => {
    started.push(one.id)
    if (started.length === batch.length) gate.resolve()
    await gate.promise
  })
  await handle(batch, ctx, undefined)
  assert.deepEqual(started, ['a', 'b', 'c'])
})

test('the runtime can tell a lifted handler from another', () => {
  const handle = () => {}
  assert.equal(isSingle(each(handle)), true)
  for (const other of [handle, undefined, null, {}, 'each']) assert.equal(isSingle(other), false)
})

test('a delivery whose next attempt would come too long after its first failure is dead', () => {
  const failing = (sinceMs: number) => {
    const headers = { 'kedafn-first-failure': new Date(now - sinceMs).toISOString() }
    return { ...delivery('a', 2), headers }
  }
  const kinds = [3_598_000, 3_598_001].map((since) => verdictsOf([failing(since)], { threw: 'x' }, options, now)[0])
  assert.deepEqual(kinds, [
    { kind: 'retry', delayMs: 2000, failed: 2, code: 'FN_HANDLER_FAILED', cause: 'x' },
    { kind: 'dead', failed: 2, code: 'FN_TOO_OLD', cause: 'x' },
  ])
})

test('a time-out keeps its code, any other error of the runtime does not lend it its own', () => {
  const codeOf = (threw: unknown) => (verdictsOf([a], { threw }, options, now)[0] as { code?: string }).code
  assert.equal(codeOf(new FnError('FN_HANDLER_TIMEOUT', '5 ms')), 'FN_HANDLER_TIMEOUT')
  assert.equal(codeOf(new FnError('FN_SETUP_FAILED', 'x')), 'FN_HANDLER_FAILED')
})

test('what a batch failed of has a code, and a batch that returned has none', () => {
  assert.equal(errorTypeOf({ returned: [retry(a, 'x')] }), '')
  assert.equal(errorTypeOf({ threw: new DropError('x') }), 'FN_DROPPED')
  assert.equal(errorTypeOf({ threw: new FnError('FN_HANDLER_TIMEOUT', '') }), 'FN_HANDLER_TIMEOUT')
  assert.equal(errorTypeOf({ threw: new Error('x') }), 'FN_HANDLER_FAILED')
})
