import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { executables, pathFolders } from '../../dev/broker/command.ts'
import { canInstall, type DebianPackage, installPackage } from '../../dev/broker/debian-package.ts'
import type { Environment } from '../../runtime/core/config.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const onMac = ['Chromium', 'Google Chrome']

const wanted: DebianPackage = {
  name: 'chromium',
  title: 'Chromium, which shows the page to the tests,',
  units: [],
  otherwise: 'put a chromium or google-chrome into a folder of PATH',
}

export interface BrowserOptions {
  readonly env: Environment
  /** Where the log of an installation goes. */
  readonly folder: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  /** @default as root on Debian */
  readonly mayInstall?: boolean
  /** Where a Mac has its applications. */
  readonly applications?: string
}

/** Sees to it that there is a browser: on Debian as root it is installed. @throws Error with what to type where that cannot be */
export async function provideChromium(options: BrowserOptions): Promise<void> {
  const { env, folder, say, signal, mayInstall = canInstall(env), applications } = options
  if (findChromium(env, applications) !== null) return
  if (!mayInstall) throw new Error(adviceFor(process.platform))
  mkdirSync(folder, { recursive: true })
  await installPackage({ wanted, env, say, signal, logPath: join(folder, 'chromium.log') })
}

/** What to type on a machine without a browser, in one line. */
export function adviceFor(platform: NodeJS.Platform): string {
  const missing = 'the tests of the page need a Chromium or Chrome, and there is none on this machine.'
  if (platform === 'darwin') return `${missing} Type  brew install --cask google-chrome  and start again`
  return `${missing} Type  sudo apt-get update && sudo apt-get install -y chromium  (or what this system has instead) and start again`
}

/** A headless browser that reaches this machine and nothing else. */
export async function openChromium(t: TestContext): Promise<Browser> {
  const executablePath = findChromium(process.env)
  if (executablePath === null) throw new Error(adviceFor(process.platform))
  const browser = await chromium.launch({
    executablePath,
    // Root, as in a container, has no sandbox; what is shown is our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  })
  t.after(() => browser.close())
  return browser
}

function findChromium(env: Environment, applications = '/Applications'): string | null {
  const inPath = names.flatMap((name) => executables(name, pathFolders(env)))
  const apps = onMac.flatMap((name) => executables(name, [join(applications, `${name}.app`, 'Contents', 'MacOS')]))
  return [...inPath, ...apps][0] ?? null
}
