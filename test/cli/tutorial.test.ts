import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findServer } from '../../dev/broker/server-search.ts'
import { guideSteps, type Step } from '../e2e/support/guide.ts'
import { copyCheckout } from './support/checkout.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'tutorial.md'), 'utf8')
const poll = { interval: 200, timeout: 180_000 }

/** A file that the page says to write. */
interface Written {
  readonly path: string
  readonly content: string
}

/** What the page has to type and to write, in its order. */
function partsOf(text: string): readonly (Step | Written)[] {
  return text.split(/^(?=<!-- |```(?:sh|ts)$)/m).flatMap((part): readonly (Step | Written)[] => {
    const [, path = '', content = ''] = /^```ts\n\/\/ (\S+)\n(.*?)^```$/ms.exec(part) ?? []
    return path === '' ? guideSteps(whole(text, part)) : [{ path, content }]
  })
}

/** A step with the comment before it: the split has parted them. */
function whole(text: string, part: string): string {
  const [, mark = ''] = /(<!-- [^\n]* -->\n)$/.exec(text.slice(0, text.indexOf(part))) ?? []
  return mark + part
}

interface Typed {
  readonly child: ChildProcess
  output: string
  readonly ended: Promise<number | null>
}

/** Types a step into a shell of its own. */
function type(t: TestContext, root: string, commands: string): Typed {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME }
  const child = spawn('bash', ['-eo', 'pipefail', '-c', commands], { cwd: root, env, detached: true })
  const typed = { child, output: '', ended: once(child, 'close').then(([code]) => code) }
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      typed.output += text
    })
  }
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid) process.kill(-child.pid, 'SIGKILL')
    await typed.ended
  })
  return typed
}

/** Where the tests' broker comes from elsewhere, this machine need not have a server to start one from. */
const skip = findServer(process.env) === null && 'there is no rabbitmq-server on this machine'

test('what the tutorial says to type and to write ends in priced orders, and processes that come and go', {
  skip,
}, async (t) => {
  const { root } = copyCheckout(t)
  const linesOf = (file: string): string[] =>
    existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8').trimEnd().split('\n') : []
  let fleet: Typed | undefined
  const parts = partsOf(page)
  assert.ok(parts.length >= 10, String(parts.length))
  for (const part of parts) {
    if ('path' in part) writeFileSync(join(root, part.path), part.content)
    else if (part.aside) {
      const started = type(t, root, part.commands)
      fleet = started
      await t.waitFor(() => assert.match(started.output, /prices: 1 -> 0/), poll)
    } else if (part.notRun === null) {
      const typed = type(t, root, part.commands)
      assert.equal(await typed.ended, 0, `${part.commands}${typed.output}`)
      // What a person would see on the page before they type on.
      if (part.commands.includes('seq')) {
        await t.waitFor(
          () => assert.equal(new Set(linesOf('prices.txt')).size, 5000, fleet?.output.slice(-1000) ?? ''),
          poll,
        )
        assert.ok(linesOf('prices.txt').includes('order 17 quinces 6.10'))
      }
    }
  }
  const output = () => fleet?.output ?? ''
  // All at once after the cooldown, or one by one before it: that is the time the machine takes.
  await t.waitFor(() => assert.match(output(), /prices: \d -> 5[\s\S]*prices: \d -> 0/), poll)
  await t.waitFor(() => assert.match(output(), /cause: nobody sells plums/), poll)
  await t.waitFor(() => assert.match(output(), /written 5,004 {2}dead 1/), poll)
  if (fleet?.child.pid) process.kill(-fleet.child.pid, 'SIGINT')
  await fleet?.ended
  assert.match(output(), /^dead +1 dead letter in queue prices\.dead$/m)
})
