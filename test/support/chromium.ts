import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Browser, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const onMac = ['/Applications/Chromium.app/Contents/MacOS/Chromium']

function findChromium(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const paths = [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...onMac]
  return paths.find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * A bare machine has no browser, and must pass the tests all the same: there each test of the page is skipped, with the command that
 * installs one as its reason; `false` where there is one.
 */
export const noChromium: string | false =
  findChromium() === null &&
  'there is no Chromium on this machine: apt-get install -y chromium (Debian), brew install chromium (macOS)'

/** A headless browser that reaches this machine and nothing else. */
export async function openChromium(t: TestContext): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === null) throw new Error('there is no Chromium')
  const browser = await chromium.launch({
    executablePath,
    // Root, as in a container, has no sandbox; what is shown is our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  })
  t.after(() => browser.close())
  return browser
}
