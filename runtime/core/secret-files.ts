import { describe } from './errors.ts'
import type { Problems } from './problems.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The content of a text file. Throws if there is none or it cannot be read. */
export type ReadText = (path: string) => string

/** For whoever reads a configuration without files. */
export const noFiles: ReadText = () => {
  throw new Error('files are not read here')
}

/**
 * The environment in which each of `names` that is given as a file, by `NAME_FILE`, has its value: the file's content without
 * the newline that editors put at its end.
 */
export function withFiles(problems: Problems, names: readonly string[], env: Environment, read: ReadText): Environment {
  const values: Record<string, string | undefined> = { ...env }
  for (const name of names) {
    const path = env[`${name}_FILE`]
    if (!path) continue
    if (env[name]) {
      problems.add(`${name}_FILE`, path, `${name} or ${name}_FILE, not both`)
      continue
    }
    values[name] = readProblem(problems, `${name}_FILE`, path, read)
  }
  return values
}

/** The file's content, or undefined and a problem. */
export function readProblem(problems: Problems, option: string, path: string, read: ReadText): string | undefined {
  try {
    return read(path).replace(/\r?\n$/, '')
  } catch (error) {
    problems.add(option, path, `a file that can be read (${describe(error)})`)
    return undefined
  }
}
