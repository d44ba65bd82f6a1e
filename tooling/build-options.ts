import { type Option, optionLines } from './declared-options.ts'
import { imageOptions } from './image/command.ts'

/** The options of `build.mjs`. */
export const buildOptions = [
  {
    name: 'otlp',
    type: 'flag',
    description: 'with what sends traces over OTLP, dist/<name>/otlp.cjs; without it nothing of that is in a bundle',
  },
  ...imageOptions,
  {
    name: 'manifests',
    type: 'flag',
    description: 'render the specs into manifests/ and keda/ instead; print the files that changed',
  },
  {
    name: 'check',
    type: 'flag',
    description: 'with --manifests: write nothing; exit code 1 if a rendered file is not what it should be',
  },
] as const satisfies readonly Option[]

export const allBuildOptions = [
  ...buildOptions,
  { name: 'help', type: 'flag', short: 'h', description: 'this text' },
] as const

export const buildHelp = `Bundles functions: one minified file each, dist/<name>/function.cjs.

Usage: node build.mjs [options] [name...]    (or: npm run build -- ...)

name is a folder under functions/; all of them if none is named.

${optionLines(allBuildOptions)}
The paths of what was built and the references of what was pushed go to stdout, everything else to stderr.
Exit code: 0 built, 1 a fault of the build, 2 something to mend in a function or in the arguments.
`
