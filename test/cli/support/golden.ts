import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const folder = join(import.meta.dirname, '..', 'golden')

/**
 * Fails if the text is not that of `test/cli/golden/<name>`. `npm run golden` writes the files anew.
 * What differs from run to run (times, ports, ids) has to be replaced before.
 */
export function assertGolden(name: string, text: string): void {
  const path = join(folder, name)
  if (process.env.KEDAFN_GOLDEN === 'renew') {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return
  }
  const wanted = existsSync(path) ? readFileSync(path, 'utf8') : ''
  assert.equal(text, wanted, `test/cli/golden/${name} says otherwise; if this is what it should be: npm run golden`)
}
