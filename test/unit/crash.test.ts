import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashesOfSuspect, suspectAfter, triage } from '../../runtime/core/crash.ts'
import { header, movedHeaders, suspectHeaders } from '../../runtime/core/headers.ts'

const taken = (count: unknown, headers: Record<string, unknown> = {}, sessionsLost = 0) =>
  triage({ ...headers, 'x-delivery-count': count }, sessionsLost)

test('a copy that the broker took back a few times is marked, and not before', () => {
  assert.equal(triage({}, 0), 'handle')
  assert.equal(taken(suspectAfter - 1), 'handle')
  assert.equal(taken(suspectAfter), 'mark')
  assert.equal(taken(1000), 'mark', 'never dead without having been handled alone')
})

test('a count that is no sane integer counts nothing', () => {
  for (const count of ['7', -1, 1.5, Number.NaN, null, {}]) assert.equal(taken(count), 'handle')
})

test('a marked copy is handled alone until it has died alone too often', () => {
  const marked = suspectHeaders({ 'x-delivery-count': suspectAfter, mine: 1 })
  assert.deepEqual(marked, { mine: 1, [header.suspect]: true })
  assert.equal(triage(marked, 0), 'alone')
  assert.equal(
    taken(crashesOfSuspect, marked),
    'alone',
    'one count more than crashes: it may have been prefetched once',
  )
  assert.equal(taken(crashesOfSuspect + 1, marked), 'dead')
})

test('a suspect that fails instead of dying is none any more', () => {
  const failure = { queue: 'q', code: 'FN_HANDLER_FAILED', cause: 'x', failed: 1, at: 0 } as const
  assert.equal(header.suspect in movedHeaders(suspectHeaders({}), failure), false)
})

test('what this process lost with its sessions and lived through is no evidence of a death', () => {
  const marked = suspectHeaders({})
  assert.equal(taken(60, {}, 60), 'handle')
  assert.equal(taken(60 + suspectAfter - 1, {}, 60), 'handle')
  assert.equal(taken(60 + suspectAfter, {}, 60), 'mark')
  assert.equal(taken(60, marked, 60), 'alone')
  assert.equal(taken(60 + crashesOfSuspect + 1, marked, 60), 'dead')
  assert.equal(taken(0, {}, 60), 'handle')
})
