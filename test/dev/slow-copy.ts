import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { copyRepository, type Repository } from '../tooling/repository.ts'

export interface Slowness {
  /** Messages that one replica is for. */
  readonly value?: number
  readonly msPerLine?: number
  readonly batchSize?: number
  readonly concurrency?: number
  /** Each line is written with the time behind it, ms since 1970. */
  readonly stamped?: boolean
}

/** A copy of the repository whose consumer takes its time, with an object that gives each replica `value` messages. */
export function slowCopy(t: TestContext, slowness: Slowness = {}): Repository {
  const { value = 20, msPerLine = 100, batchSize = 5, concurrency = 1, stamped = false } = slowness
  const repository = copyRepository(t)
  const object = readFileSync(join(import.meta.dirname, '../../keda/base/log-consumer.yaml'), 'utf8')
  repository.write('keda/base/log-consumer.yaml', object.replace(/value: "\d+"/, `value: "${value}"`))
  repository.write(
    'functions/log-consumer/function.ts',
    `import { appendLines, defineConsumer, text } from '#runtime'
    export default defineConsumer({
      queue: 'logs',
      decode: text,
      batch: { size: ${batchSize}, maxWaitMs: 20 },
      concurrency: ${concurrency},
      env: { OUTPUT_PATH: { default: 'output.txt' } },
      setup: (ctx) => appendLines(ctx.env.OUTPUT_PATH),
      handle: async (batch, _ctx, output) => {
        await new Promise((resolve) => setTimeout(resolve, ${msPerLine} * batch.length))
        await output.append(batch.map(({ body }) => ${stamped ? "body + ' ' + Date.now()" : 'body'}))
      },
    })`,
  )
  return repository
}
