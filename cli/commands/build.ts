import { buildOptions } from '../../tooling/build-options.ts'
import { defineCommand } from '../command.ts'
import { become } from '../script.ts'

export const build = defineCommand({
  name: 'build',
  summary: 'bundle functions, pack them into images, render their manifests',
  description:
    'The same as npm run build. What was built goes to stdout, a path or a reference a line; everything else to stderr.',
  options: buildOptions,
  positionals: [
    {
      name: 'FUNCTION',
      description: 'a folder under functions/; all of them if none is named',
      optional: true,
      many: true,
    },
  ],
  examples: [
    { command: 'kedafn build', does: 'bundle every function into dist/' },
    { command: 'kedafn build log-consumer --image --compression zstd', does: 'an image of one, without Docker' },
    { command: 'kedafn build --manifests', does: 'render manifests/ and keda/ anew' },
  ],
  run: async (call) => become('build.mjs', call),
})
