import { readFileSync } from 'node:fs'
import type { ReadText } from '../core/secret-files.ts'

/** A file as UTF-8, byte order mark and all. */
export const readText: ReadText = (path) => readFileSync(path, 'utf8')
