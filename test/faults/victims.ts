import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { oneFile } from '../../tooling/bundle.ts'

const root = join(import.meta.dirname, '..', '..')

/** The functions of this folder. */
export type Victim = 'consumer' | 'producer'

/** Bundles a function as a build does, with a saboteur at its ports. */
const entryOf = (name: Victim): string => `
  import { run } from './runtime/main.ts'
  import { Saboteur } from './test/faults/saboteur.ts'
  import { specOf } from './test/faults/${name}.ts'
  const saboteur = new Saboteur(process.env)
  run('${name}', specOf(saboteur.wrap), saboteur.wrap)
`

export interface Victims {
  readonly consumer: string
  readonly producer: string
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
  const [consumer, producer] = await Promise.all([bundle('consumer'), bundle('producer')])
  return { consumer, producer, dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
