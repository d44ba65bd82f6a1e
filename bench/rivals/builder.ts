/**
 * Bundles functions and tells its parent how long it took, and the most memory that it had.
 *
 * fork('bench/rivals/builder.ts', [ROOT, NAME...])
 */
import { join } from 'node:path'
import { bundleFunctions } from '../../tooling/bundle.ts'

const [root = '', ...names] = process.argv.slice(2)
const begun = performance.now()
await bundleFunctions({ root, outDir: join(root, 'dist'), names })
const ms = performance.now() - begun
process.send?.({ ms, peakMb: process.resourceUsage().maxRSS / 1024 })
process.disconnect?.()
