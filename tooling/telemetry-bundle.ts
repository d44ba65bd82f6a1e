import type { Plugin } from 'esbuild'

/** The bundles of the telemetry, which lie beside a function's: what each is made from. */
export const telemetryFiles = {
  'telemetry.cjs': './runtime/telemetry/exposition.ts',
  'otlp.cjs': './runtime/telemetry/otlp.ts',
} as const

/** The file that says what one of them is made of. */
export const metaNameOf = (file: string): string => file.replace(/[.]cjs$/, '.meta.json')

/**
 * Leaves the telemetry out of a function's bundle: it is loaded from a file of its own once the first work is done, so that
 * no start pays for it, and it is the same file for every function.
 */
export const telemetryBeside: Plugin = {
  name: 'telemetry-beside',
  setup(build) {
    for (const [file, source] of Object.entries(telemetryFiles)) {
      const name = source.slice(source.lastIndexOf('/'))
      build.onResolve({ filter: new RegExp(`${name.replace('.', '\\.')}$`) }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: `./${file}`, external: true } : null,
      )
    }
  },
}

/**
 * What the SDK names and this build never uses: exporters, two thirds of its code; logs, for the log is ours; and the context that
 * instrumentation of other packages needs, of which a bundle has none.
 */
const unused =
  /^@opentelemetry\/(?:exporter-(?:trace|logs|metrics)-otlp-(?:grpc|http|proto)|exporter-zipkin|propagator-b3|configuration|instrumentation|sdk-logs|sdk-trace|context-async-hooks|otlp-exporter-base|otlp-grpc-exporter-base)$/

/** Whatever is asked of it is a class that can be made, and does nothing. n.b. a bundler copies what a module owns, but not its prototype. */
const nothing = `
class Nothing {}
const known = { registerInstrumentations() {} }
module.exports = Object.create(new Proxy(known, { get: (_target, name) => known[name] ?? Nothing }))
`

/** Replaces what the SDK names and this build does not use by next to nothing. */
export const leanSdk: Plugin = {
  name: 'lean-sdk',
  setup(build) {
    build.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'lean-sdk' }))
    build.onLoad({ filter: /.*/, namespace: 'lean-sdk' }, () => ({ contents: nothing, loader: 'js' }))
  },
}
