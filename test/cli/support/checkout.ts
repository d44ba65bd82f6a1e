import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

const packageRoot = join(import.meta.dirname, '..', '..', '..')

/** A checkout of its own, with every file of this one, in a path that holds a space. The packages are shared. */
export function copyCheckout(t: TestContext): { root: string; read(path: string): string } {
  const root = join(realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-'))), 'a checkout')
  t.after(() => rmSync(dirname(root), { recursive: true, force: true, maxRetries: 3 }))
  mkdirSync(root)
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: packageRoot,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  const entries = new Set(files.split('\0').flatMap((path) => path.split('/', 1)))
  for (const entry of entries) {
    if (entry !== '' && entry !== 'docs') cpSync(join(packageRoot, entry), join(root, entry), { recursive: true })
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'))
  return { root, read: (path) => readFileSync(join(root, path), 'utf8') }
}
