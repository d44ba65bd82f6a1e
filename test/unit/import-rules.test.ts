import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../', import.meta.url))

/** What a file may import and what not, as the specifiers it would write. */
const rules: Record<string, { allowed: string[]; refused: string[] }> = {
  'runtime/core/any.ts': {
    allowed: ['./spec.ts'],
    refused: [
      'node:fs',
      'node:fs/promises',
      'amqplib',
      'esbuild',
      '../ports.ts',
      '../main.ts',
      '../files/tail.ts',
      '#runtime',
    ],
  },
  'runtime/ports.ts': {
    allowed: ['./core/spec.ts'],
    refused: ['node:fs', 'amqplib', './consume.ts', './files/tail.ts', './index.ts'],
  },
  'runtime/consume.ts': {
    allowed: ['./core/spec.ts', './ports.ts', './produce.ts'],
    refused: [
      'node:fs',
      'amqplib',
      './main.ts',
      './index.ts',
      './testing.ts',
      './rabbitmq/broker.ts',
      './system/clock.ts',
      './doubles/clock.ts',
      '../dev/start.ts',
    ],
  },
  'runtime/index.ts': {
    allowed: ['./core/spec.ts', './files/append.ts'],
    refused: [
      './main.ts',
      './consume.ts',
      './rabbitmq/broker.ts',
      './telemetry/log.ts',
      './testing.ts',
      './doubles/clock.ts',
      'node:fs',
    ],
  },
  'runtime/testing.ts': {
    allowed: ['./doubles/clock.ts', './core/spec.ts', './ports.ts', './consume.ts'],
    refused: ['./main.ts', './files/tail.ts', './rabbitmq/broker.ts', 'amqplib'],
  },
  'runtime/doubles/any.ts': {
    allowed: ['./clock.ts', '../core/spec.ts', '../ports.ts'],
    refused: ['../main.ts', '../testing.ts', '../files/tail.ts', '../consume.ts', 'amqplib', 'node:fs'],
  },
  'runtime/main.ts': {
    allowed: [
      './consume.ts',
      './rabbitmq/broker.ts',
      './files/tail.ts',
      './core/config.ts',
      'node:path',
      'node:fs/promises',
    ],
    refused: [
      './testing.ts',
      './doubles/clock.ts',
      'amqplib',
      '../dev/start.ts',
      '../tooling/bundle.ts',
      '../test/support/broker.ts',
    ],
  },
  'runtime/rabbitmq/any.ts': {
    allowed: ['amqplib', './connection.ts', '../ports.ts', '../core/config.ts', 'node:net'],
    refused: [
      '../files/tail.ts',
      '../telemetry/log.ts',
      '../system/clock.ts',
      '../main.ts',
      '../index.ts',
      '../consume.ts',
      '../doubles/clock.ts',
      'prom-client',
      '@opentelemetry/api',
      '../../dev/start.ts',
    ],
  },
  'runtime/files/any.ts': {
    allowed: ['./tail.ts', '../ports.ts', '../core/checkpoint.ts', 'node:fs', 'node:fs/promises'],
    refused: [
      'amqplib',
      '../rabbitmq/broker.ts',
      '../system/clock.ts',
      '../main.ts',
      '../doubles/clock.ts',
      '../../tooling/bundle.ts',
    ],
  },
  'runtime/system/any.ts': {
    allowed: ['./clock.ts', '../ports.ts', '../core/lifecycle.ts', 'node:process'],
    refused: ['amqplib', '../files/tail.ts', '../main.ts', 'prom-client', '../../cli/main.ts'],
  },
  'runtime/telemetry/any.ts': {
    allowed: ['./log.ts', '../ports.ts', '../core/errors.ts', 'node:os', 'prom-client', '@opentelemetry/sdk-node'],
    refused: ['amqplib', '../rabbitmq/broker.ts', '../files/tail.ts', '../main.ts', '../../test/support/broker.ts'],
  },
  'functions/any/function.ts': {
    allowed: ['#runtime', './helper.ts', './deep/helper.ts', 'node:fs', 'node:fs/promises'],
    refused: [
      '../../runtime/index.ts',
      '../../runtime/main.ts',
      '../../runtime/core/spec.ts',
      '../other/function.ts',
      './../other/function.ts',
      '#runtime/testing',
      'amqplib',
      'prom-client',
    ],
  },
  'functions/any/function.test.ts': {
    allowed: ['#runtime', '#runtime/testing', './function.ts', 'node:test'],
    refused: ['../../runtime/main.ts', '../../runtime/doubles/clock.ts', 'amqplib'],
  },
  'examples/any/function.ts': { allowed: ['#runtime', './helper.ts'], refused: ['../../runtime/index.ts', 'amqplib'] },
  'dev/simulate/any.ts': {
    allowed: ['./queue.ts', '../autoscaler/decision.ts', '../../runtime/core/scale.ts', '../../tooling/functions.ts'],
    refused: ['../../runtime/main.ts', '../../runtime/rabbitmq/broker.ts', '../../runtime/doubles/clock.ts', 'amqplib'],
  },
  'dev/any.ts': {
    allowed: [
      './plan.ts',
      'node:fs',
      '../tooling/functions.ts',
      '../runtime/core/config.ts',
      '../runtime/ports.ts',
      '../runtime/rabbitmq/inspect.ts',
      '../functions/log-consumer/function.ts',
    ],
    refused: [
      '../runtime/main.ts',
      '../runtime/rabbitmq/broker.ts',
      '../runtime/files/tail.ts',
      '../runtime/doubles/clock.ts',
      'amqplib',
    ],
  },
  'tooling/any.ts': {
    allowed: [
      './bundle.ts',
      'node:fs',
      'esbuild',
      '../runtime/core/options.ts',
      '../runtime/ports.ts',
      '../functions/log-consumer/function.ts',
    ],
    refused: [
      '../runtime/main.ts',
      '../runtime/rabbitmq/broker.ts',
      '../runtime/doubles/clock.ts',
      'amqplib',
      'prom-client',
      '../dev/start.ts',
    ],
  },
  'build.mjs': { allowed: ['./tooling/bundle.ts', 'esbuild', 'node:fs'], refused: ['./runtime/main.ts', 'amqplib'] },
  'cli/any.ts': {
    allowed: ['./command.ts', './output/table.ts', './commands/list.ts', '../runtime/core/config.ts', 'node:util'],
    refused: [
      '../runtime/main.ts',
      '../runtime/rabbitmq/broker.ts',
      '../functions/log-consumer/function.ts',
      '../test/support/broker.ts',
      'amqplib',
      '../runtime/doubles/clock.ts',
    ],
  },
  'cli/commands/any.ts': {
    allowed: [
      '../command.ts',
      '../output/table.ts',
      '../broker/connection.ts',
      '../../tooling/functions.ts',
      '../../dev/simulate/options.ts',
      '../../runtime/core/config.ts',
    ],
    refused: [
      '../../runtime/main.ts',
      '../../runtime/rabbitmq/broker.ts',
      '../../runtime/doubles/clock.ts',
      '../../functions/log-consumer/function.ts',
      '../../test/support/broker.ts',
      'amqplib',
    ],
  },
  'cli/commands/any/any.ts': {
    allowed: [
      './other.ts',
      '../../command.ts',
      '../../output/table.ts',
      '../../broker/connection.ts',
      '../../../runtime/core/topology.ts',
      '../../../tooling/functions.ts',
    ],
    refused: ['../../../runtime/main.ts', '../../../runtime/rabbitmq/broker.ts', 'amqplib'],
  },
  'cli/broker/any.ts': {
    allowed: [
      'amqplib',
      './connection.ts',
      '../command.ts',
      '../../runtime/rabbitmq/open.ts',
      '../../runtime/system/clock.ts',
      '../../dev/broker/management.ts',
    ],
    refused: ['../../runtime/main.ts', '../../runtime/files/tail.ts', '../../runtime/doubles/clock.ts', '../main.ts'],
  },
  'test/any/any.test.ts': {
    allowed: [
      '../../runtime/doubles/clock.ts',
      '../../runtime/rabbitmq/broker.ts',
      'amqplib',
      '../../tooling/bundle.ts',
    ],
    refused: ['../../runtime/main.ts'],
  },
  'bench/any.ts': {
    allowed: ['amqplib', '../tooling/bundle.ts', '../runtime/core/topology.ts'],
    refused: [
      '../runtime/main.ts',
      '../runtime/doubles/clock.ts',
      '../runtime/testing.ts',
      '../test/support/broker.ts',
    ],
  },
}

/** Texts that break a rule of another kind, or do not because of where they stand. */
const texts: [file: string, rule: string, isRefused: boolean, source: string][] = [
  ['runtime/consume.ts', 'noProcessEnv', true, 'export const home = process.env.HOME'],
  ['runtime/system/env.ts', 'noProcessEnv', true, 'export const home = process.env.HOME'],
  ['functions/any/function.ts', 'noProcessEnv', true, 'export const home = process.env.HOME'],
  ['dev/env.ts', 'noProcessEnv', true, 'export const home = process.env.HOME'],
  ['runtime/main.ts', 'noProcessEnv', false, 'export const home = process.env.HOME'],
  ['dev/start.ts', 'noProcessEnv', false, 'export const home = process.env.HOME'],
  ['tooling/env.ts', 'noProcessEnv', false, 'export const home = process.env.HOME'],
  ['cli/main.ts', 'noProcessEnv', false, 'export const home = process.env.HOME'],
  ['cli/commands/env.ts', 'noProcessEnv', true, 'export const home = process.env.HOME'],
  ['bench/env.ts', 'noProcessEnv', false, 'export const home = process.env.HOME'],
  ['runtime/files/require.ts', 'noCommonJs', true, "export const fs = require('node:fs')"],
  ['runtime/core/console.ts', 'noConsole', true, "console.log('x')"],
  ['runtime/core/any.ts', 'noExplicitAny', true, 'export const x: any = 1'],
  ['runtime/core/bang.ts', 'noNonNullAssertion', true, "export const x = 'a'.at(0)!"],
  ['runtime/core/long.ts', 'noExcessiveLinesPerFile', true, 'export {}\n'.repeat(401)],
  ['runtime/core/fitting.ts', 'noExcessiveLinesPerFile', false, 'export {}\n'.repeat(399)],
  ['test/any/timeout.test.ts', 'noRestrictedGlobals', true, 'setTimeout(() => {}, 1)'],
  ['functions/any/function.test.ts', 'noRestrictedGlobals', true, 'setInterval(() => {}, 1)'],
  ['runtime/system/timeout.ts', 'noRestrictedGlobals', false, 'setTimeout(() => {}, 1)'],
  ['test/any/sleep.test.ts', 'noRestrictedImports', true, "import 'node:timers/promises'"],
]

interface Diagnostic {
  readonly category: string
  readonly severity: string
  readonly location: { readonly path: string; readonly start: { readonly line: number } }
}

/** Lints a tree with the repository's configuration; returns `path rule` and `path:line rule` of each error. */
function lint(root: string): Set<string> {
  copyFileSync(join(repository, 'biome.json'), join(root, 'biome.json'))
  const biome = join(repository, 'node_modules/@biomejs/biome/bin/biome')
  const options = ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=json', '.']
  const run = spawnSync(process.execPath, [biome, ...options], { cwd: root, encoding: 'utf8' })
  assert.equal(run.status, 1, run.stderr)
  const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: Diagnostic[] }
  return new Set(
    diagnostics
      .filter(({ severity }) => severity === 'error')
      .flatMap(({ category, location: { path, start } }) => {
        const rule = category.split('/').at(-1)
        return [`${path} ${rule}`, `${path}:${start.line} ${rule}`]
      }),
  )
}

function write(root: string, file: string, source: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), `${source}\n`)
}

const root = mkdtempSync(join(tmpdir(), 'kedafn-rules-'))
let importErrors = new Set<string>()
let textErrors = new Set<string>()

before(() => {
  for (const [file, { allowed, refused }] of Object.entries(rules)) {
    write(join(root, 'imports'), file, [...allowed, ...refused].map((target) => `import '${target}'`).join('\n'))
  }
  for (const [file, , , source] of texts) write(join(root, 'texts'), file, source)
  importErrors = lint(join(root, 'imports'))
  textErrors = lint(join(root, 'texts'))
})
after(() => rmSync(root, { recursive: true }))

for (const [file, { allowed, refused }] of Object.entries(rules)) {
  for (const [index, target] of [...allowed, ...refused].entries()) {
    const isRefused = index >= allowed.length
    test(`${file} ${isRefused ? 'may not' : 'may'} import ${target}`, () => {
      assert.equal(importErrors.has(`${file}:${index + 1} noRestrictedImports`), isRefused)
    })
  }
}

for (const [file, rule, isRefused] of texts) {
  test(`${rule} ${isRefused ? 'is an error' : 'is none'} in ${file}`, () => {
    assert.equal(textErrors.has(`${file} ${rule}`), isRefused)
  })
}
