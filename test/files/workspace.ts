import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Log } from '../../runtime/ports.ts'

/** A new directory that goes when the test is over. */
export function workspace(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'kedafn-files-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface Recorded {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** A log that keeps what it is told. */
export class RecordingLog implements Log {
  readonly lines: Recorded[] = []

  debug(message: string, fields = {}): void {
    this.lines.push({ level: 'debug', message, fields })
  }
  info(message: string, fields = {}): void {
    this.lines.push({ level: 'info', message, fields })
  }
  warn(message: string, fields = {}): void {
    this.lines.push({ level: 'warn', message, fields })
  }
  error(message: string, fields = {}): void {
    this.lines.push({ level: 'error', message, fields })
  }
  child(): Log {
    return this
  }
  of(level: string): Recorded[] {
    return this.lines.filter((line) => line.level === level)
  }
}
