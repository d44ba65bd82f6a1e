export interface AppendOptions {
  /** Replaced below. */
  readonly sync?: boolean
}
export interface LineSink {
  append(lines: readonly (string | Uint8Array)[]): Promise<void>
  close(): Promise<void>
}
export function appendLines(_path: string, _options: AppendOptions = {}): Promise<LineSink> {
  throw new Error('not written yet')
}
