import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeResource } from '../../runtime/core/resource.ts'

test('what setup opened is closed by the best way it has, and waited for', async () => {
  const calls: string[] = []
  const note = (name: string) =>
    async function (this: unknown): Promise<void> {
      await null
      calls.push(`${name} ${this === resource}`)
    }
  let resource: object = {}
  for (const names of [[Symbol.asyncDispose, Symbol.dispose, 'close'], [Symbol.dispose, 'close'], ['close'], []]) {
    resource = Object.fromEntries(names.map((name) => [name, note(String(name))]))
    await closeResource(resource)
  }
  assert.deepEqual(calls, ['Symbol(Symbol.asyncDispose) true', 'Symbol(Symbol.dispose) true', 'close true'])
})

test('what is no object has nothing to be closed', async () => {
  for (const resource of [undefined, null, 7, 'text']) await closeResource(resource)
})
