import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { oneFile } from '../../tooling/bundle.ts'

const root = join(import.meta.dirname, '..', '..')

/** The functions of this folder, under the names of their queues: the file that makes the spec, and how. */
const sources = {
  consumed: ['consumer', "specOf(saboteur.wrap, 'none')"],
  ordered: ['consumer', "specOf(saboteur.wrap, 'queue')"],
  produced: ['producer', 'specOf(saboteur.wrap)'],
} as const

export type Victim = keyof typeof sources

/** Bundles a function as a build does, with a saboteur at its ports. */
function entryOf(name: Victim): string {
  const [file, spec] = sources[name]
  return `
    import { run } from './runtime/main.ts'
    import { Saboteur } from './test/faults/saboteur.ts'
    import { specOf } from './test/faults/${file}.ts'
    const saboteur = new Saboteur(process.env)
    run('${file}', ${spec}, saboteur.wrap)
  `
}

/** The paths of the bundles. */
export interface Victims {
  readonly paths: Readonly<Record<Victim, string>>
  dispose(): void
}

export async function buildVictims(): Promise<Victims> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-victims-')))
  const bundle = async (name: Victim): Promise<string> => {
    const path = join(folder, `${name}.cjs`)
    await build({
      ...oneFile,
      stdin: { contents: entryOf(name), resolveDir: root, loader: 'ts' },
      absWorkingDir: root,
      outfile: path,
      target: `node${process.versions.node}`,
      sourcemap: 'inline',
      logLevel: 'silent',
    })
    return path
  }
  const [consumed, ordered, produced] = await Promise.all([bundle('consumed'), bundle('ordered'), bundle('produced')])
  const paths = { consumed, ordered, produced }
  return { paths, dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
