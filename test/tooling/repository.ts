import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

const packageRoot = join(import.meta.dirname, '..', '..')

/** A copy of the repository that a test may change, in a path that holds a space. The packages are shared. */
export function copyRepository(t: TestContext): Repository {
  const root = join(realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-'))), 'a copy')
  t.after(() => rmSync(dirname(root), { recursive: true, force: true, maxRetries: 3 }))
  mkdirSync(root)
  for (const entry of ['package.json', 'build.mjs', 'runtime', 'functions', 'tooling', 'dev']) {
    cpSync(join(packageRoot, entry), join(root, entry), { recursive: true })
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'))
  return {
    root,
    path: (...parts) => join(root, ...parts),
    read: (path) => readFileSync(join(root, path), 'utf8'),
    write(path, contents) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), contents)
    },
  }
}

export interface Repository {
  readonly root: string
  path(...parts: string[]): string
  read(path: string): string
  write(path: string, contents: string): void
}
