import { spawn } from 'node:child_process'

const commands: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}

/** Shows an address in the browser that the person uses. Where that cannot be done it says so. */
export function openInBrowser(url: string, say: (line: string) => void): void {
  const [command, ...args] = commands[process.platform] ?? ['xdg-open']
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true })
  child.once('error', (error) => say(`the page cannot be opened (${error.message}): open ${url} yourself`))
  child.unref()
}
