import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Checkpoint } from '../../runtime/core/checkpoint.ts'
import type { CheckpointStore } from '../../runtime/ports.ts'

export const checkpointAt = (offset: number): Checkpoint => {
  return {
    file: '4fzyo82mvyr.2',
    device: '2049',
    inode: '18446744073709551615',
    offset,
    fingerprint: '0123456789abcdef',
  }
}

/** What every CheckpointStore does. `open` gives the way to open an empty store, again and again as later runs would. */
export function checkpointStoreContract(name: string, open: (t: TestContext) => () => CheckpointStore): void {
  test(`${name}: a store that was never saved to has no checkpoint`, async (t) => {
    assert.equal(await open(t)().load(), null)
  })

  test(`${name}: what was saved is there in the next run`, async (t) => {
    const next = open(t)
    await next().save(checkpointAt(5_000_000_000))
    assert.deepEqual(await next().load(), checkpointAt(5_000_000_000))
  })

  test(`${name}: each save replaces the one before, also when it begins before that one is done`, async (t) => {
    const next = open(t)
    const store = next()
    const order: number[] = []
    const offsets = [100, 20, 3000, 4]
    await Promise.all(offsets.map((offset) => store.save(checkpointAt(offset)).then(() => order.push(offset))))
    assert.deepEqual(order, offsets)
    assert.deepEqual(await next().load(), checkpointAt(4))
  })
}
