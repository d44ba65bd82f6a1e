import type { Plugin } from 'esbuild'

/** Loaded when first used: with it, every process would pay for TLS and its cryptography, and most never speak it. */
const lazy = (name: string): string => `
const load = () => require(${JSON.stringify(name)})
module.exports = new Proxy({}, { get: (_target, key) => load()[key] })
`

/** prom-client takes this one function out of it as it is loaded, for its push gateway. */
const compression = `
module.exports = { gzipSync: (...all) => require('node:zlib').gzipSync(...all) }
`

/** amqplib checks an invariant or two with it; the real one brings a library of comparisons and diffs. */
const assertion = `
const assert = (condition, message) => {
  if (!condition) throw new Error(message ?? 'an assertion failed')
}
assert.ok = assert
assert.equal = (actual, expected) => assert(actual == expected, actual + ' is not ' + expected)
module.exports = assert
`

/** What each package loads and hardly uses. */
const replaced: readonly { readonly importer: RegExp; readonly names: RegExp }[] = [
  { importer: /[/\\]node_modules[/\\]amqplib[/\\]/, names: /^node:(?:tls|assert)$/ },
  // For a push gateway, for clusters of processes, and for what the SDK asks of a machine.
  { importer: /[/\\]node_modules[/\\]prom-client[/\\]/, names: /^(?:https|zlib|cluster)$/ },
  { importer: /[/\\]node_modules[/\\]@opentelemetry[/\\]/, names: /^(?:assert|child_process|crypto)$/ },
]

/**
 * Keeps out of a process what packages load and hardly use: 6 MB of an idle consumer's memory for amqplib, as much again for what
 * `/metrics` needs, and some ms of its start. Only imports from packages are replaced; a function that imports one of these itself gets
 * the real one.
 */
export const leanBuiltins: Plugin = {
  name: 'lean-builtins',
  setup(build) {
    build.onResolve(
      { filter: /^(?:node:)?(?:tls|assert|https|zlib|cluster|child_process|crypto)$/ },
      ({ path, importer, namespace }) =>
        namespace !== 'lean' && replaced.some((rule) => rule.importer.test(importer) && rule.names.test(path))
          ? { path: path.replace(/^(?!node:)/, 'node:'), namespace: 'lean' }
          : null,
    )
    build.onLoad({ filter: /.*/, namespace: 'lean' }, ({ path }) => ({
      contents: { 'node:assert': assertion, 'node:zlib': compression }[path] ?? lazy(path),
      loader: 'js',
    }))
  },
}
