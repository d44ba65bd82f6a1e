import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { slowRepository } from './slow-repository.ts'
import { holds, noneLeft } from './started.ts'

const skip = !existsSync('/proc/self/status') && 'only Linux tells what a process holds'

test('with --limit-memory a process that holds more than its Deployment allows is OOMKilled, and its line is not lost', {
  skip,
}, async (t) => {
  const { repository, start } = await slowRepository(t, { msPerLine: 0 })
  const resources = 'resources: { limits: { memory: 200Mi } }'
  repository.write(
    'manifests/base/log-consumer.yaml',
    `kind: Service\n---\nkind: Deployment\nspec: { template: { spec: { containers: [{ ${resources} }] } } }\n`,
  )
  const path = 'functions/log-consumer/function.ts'
  // It eats once: what it is given again it can do.
  repository.write(
    path,
    repository
      .read(path)
      .replace('import {', "import { existsSync, writeFileSync } from 'node:fs'\nimport {")
      .replace(
        'await new Promise(',
        `if (!existsSync('ate')) {
          writeFileSync('ate', '')
          const eaten = Buffer.alloc(400 * 1024 * 1024, 1)
          await new Promise(() => void setInterval(() => void eaten.length, 1000))
        }
        await new Promise(`,
      ),
  )
  repository.write('input.txt', 'eat\n')
  const started = start(['--fast', '10', '--no-page', '--limit-memory'])
  await started.printed(
    /^the memory of log-producer is not limited: no Deployment in manifests\/base\/log-producer\.yaml/m,
  )
  await started.warned(
    /^log-consumer-\S+ is OOMKilled: it holds \d+ MiB, limits\.memory of its Deployment is 200 MiB$/m,
  )
  await started.warned(/ended by SIGKILL\n {2}it starts again at once$/m)
  await holds(t, repository, 'output.txt', 'eat\n')
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  await noneLeft(t, repository)
})
