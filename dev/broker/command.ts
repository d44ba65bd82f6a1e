import { spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Environment } from '../../runtime/core/config.ts'

export interface CommandOptions {
  readonly env: Environment
  /** Gets what the command prints, behind what is there. Else it is collected. */
  readonly logPath?: string
  readonly timeoutMs?: number
  /** Ends the command. */
  readonly signal?: AbortSignal
  /** In a process group of its own: the terminal's Ctrl-C does not reach it. */
  readonly detached?: boolean
}

export interface CommandResult {
  /** Null if it was ended by a signal or could not be run. */
  readonly code: number | null
  /** Without the last line break; empty if it went to a log. */
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. Never rejects. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const log = options.logPath === undefined ? null : openSync(options.logPath, 'a')
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...options.env },
      stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'],
      detached: options.detached ?? false,
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    if (log !== null) closeSync(log)
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text
      })
    }
    const settle = (code: number | null) =>
      resolve({ code, stdout: output.stdout.trimEnd(), stderr: output.stderr.trimEnd() })
    child.once('close', settle)
    child.once('error', () => {
      // A command that was ended closes; one that could not be started may not.
      if (child.pid === undefined) settle(null)
    })
  })
}

/** The executable files called `name` in these folders, in their order. */
export function executables(name: string, folders: readonly string[]): string[] {
  return folders.map((folder) => join(folder, name)).filter(isExecutable)
}

/** The folders of `PATH`. */
export const pathFolders = (env: Environment): string[] => (env.PATH ?? '').split(delimiter).filter(Boolean)

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The last lines of a file, indented, each on a line of its own; empty if there are none. */
export function lastLines(path: string, count = 12): string {
  try {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean).slice(-count)
    return lines.map((line) => `\n  ${line}`).join('')
  } catch {
    return ''
  }
}
