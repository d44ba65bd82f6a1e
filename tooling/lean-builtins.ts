import type { Plugin } from 'esbuild'

/** Loaded when first used: with it, every process would pay for TLS and its cryptography, and most never speak it. */
const lazy = (name: string): string => `
const load = () => require(${JSON.stringify(name)})
module.exports = new Proxy({}, { get: (_target, key) => load()[key] })
`

/** amqplib checks an invariant or two with it; the real one brings a library of comparisons and diffs. */
const assertion = `
const assert = (condition, message) => {
  if (!condition) throw new Error(message ?? 'an assertion failed')
}
assert.equal = (actual, expected) => assert(actual == expected, actual + ' is not ' + expected)
module.exports = assert
`

const replacements: Readonly<Record<string, string>> = { 'node:tls': lazy('node:tls'), 'node:assert': assertion }

/**
 * Keeps out of a process what amqplib loads and hardly uses: 6 MB of an idle consumer's memory, and some ms of its start.
 * Only imports from packages are replaced; a function that imports one of these itself gets the real one.
 */
export const leanBuiltins: Plugin = {
  name: 'lean-builtins',
  setup(build) {
    build.onResolve({ filter: /^node:(tls|assert)$/ }, ({ path, importer, namespace }) =>
      namespace !== 'lean' && /[/\\]node_modules[/\\]amqplib[/\\]/.test(importer) ? { path, namespace: 'lean' } : null,
    )
    build.onLoad({ filter: /.*/, namespace: 'lean' }, ({ path }) => ({
      contents: replacements[path] ?? '',
      loader: 'js',
    }))
  },
}
