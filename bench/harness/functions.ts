import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleFunctions } from '../../tooling/bundle.ts'
import { root } from './bench.ts'

/** A repository with functions of its own and the runtime of this one. */
export function repositoryWith(folder: string, functions: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true })
  for (const entry of ['package.json', 'runtime', 'node_modules']) symlinkSync(join(root, entry), join(folder, entry))
  for (const [name, source] of Object.entries(functions)) {
    mkdirSync(join(folder, 'functions', name), { recursive: true })
    writeFileSync(join(folder, 'functions', name, 'function.ts'), source)
  }
  return folder
}

/** @returns where the bundles are */
export async function bundled(folder: string, functions: Readonly<Record<string, string>>): Promise<string> {
  const outDir = join(folder, 'dist')
  await bundleFunctions({ root: repositoryWith(folder, functions), outDir, names: Object.keys(functions) })
  return outDir
}
