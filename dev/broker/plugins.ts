import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What every broker of ours has. */
const standard = ['rabbitmq_management']

/**
 * Makes a folder of links to the plugins that are wanted and to what they need. Seeing no others, the broker starts in two thirds of
 * the time or less: it looks for each of its thousand modules in the folder of every plugin that it sees.
 * @param script the server's start script, beside whose folder the plugins are
 * @returns null if they cannot be told: then all of them have to be seen
 */
export function linkPlugins(script: string, folder: string, wanted: readonly string[] = standard): string | null {
  const source = join(dirname(script), '..', 'plugins')
  // A colon would part the path in two.
  const names = folder.includes(':') ? [] : neededPlugins(source, wanted)
  if (names.length === 0) return null
  const target = join(folder, 'plugins')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target)
  for (const name of names) symlinkSync(join(source, name), join(target, name))
  return target
}

/** The folders, named `<application>-<version>`, of the wanted plugin and of all that it needs. */
function neededPlugins(source: string, wanted: readonly string[]): string[] {
  try {
    const folders = new Map(readdirSync(source).map((name) => [name.replace(/-[^-]*$/, ''), name]))
    const needed = new Set<string>()
    const add = (application: string): void => {
      const name = folders.get(application)
      if (name === undefined || needed.has(name)) return
      needed.add(name)
      for (const dependency of dependencies(readFileSync(join(source, name, 'ebin', `${application}.app`), 'utf8'))) {
        add(dependency)
      }
    }
    for (const name of wanted) add(name)
    return [...needed]
  } catch {
    return []
  }
}

/** The applications that an Erlang application file says must run before. */
function dependencies(text: string): string[] {
  const [, list = ''] = /\{\s*applications\s*,\s*\[([^\]]*)\]/.exec(text) ?? []
  return list.split(',').map((name) => name.trim().replaceAll("'", ''))
}
