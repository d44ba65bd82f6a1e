import type { Operation } from './tail-world.ts'

/** Sequences that once showed a fault of the tail, or of the model, as they were found and shrunk. */
export const regressions: readonly { readonly title: string; readonly operations: readonly Operation[] }[] = [
  {
    title: 'a rotated file that begins with the same few bytes is not taken for a copy',
    operations: [
      { op: 'append', piece: 'blank', size: 0 },
      { op: 'rotate', next: 'none', late: true },
      { op: 'append', piece: 'blank', size: 0 },
      { op: 'look' },
      { op: 'rewrite', to: 'empty', sameBegin: false, copy: false },
    ],
  },
  {
    title: 'a checkpoint of a rotated file, and a rewrite of its successor while nobody reads',
    operations: [
      { op: 'rotate', next: 'none', late: true },
      { op: 'look' },
      { op: 'save' },
      { op: 'append', piece: 'line', size: 0 },
      { op: 'look' },
      { op: 'rewrite', to: 'same size', sameBegin: false, copy: false },
      { op: 'restart', from: 'last' },
    ],
  },
  {
    title: 'a checkpoint that is older than what was read without one',
    operations: [
      { op: 'append', piece: 'line', size: 0 },
      { op: 'look' },
      { op: 'rotate', next: 'none', late: true },
      { op: 'save' },
      { op: 'append', piece: 'line', size: 0 },
      { op: 'restart', from: 'nothing' },
      { op: 'look' },
      { op: 'restart', from: 'last' },
      { op: 'rewrite', to: 'empty', sameBegin: false, copy: false },
    ],
  },
  {
    title: 'a rotated file whose end is read again after a restart, before a successor that begins with all of it',
    operations: [
      { op: 'append', piece: 'line', size: 700 },
      { op: 'look' },
      { op: 'append', piece: 'line', size: 0 },
      { op: 'save' },
      { op: 'rotate', next: 'same begin', late: false },
      { op: 'look' },
      { op: 'restart', from: 'last' },
      { op: 'save' },
    ],
  },
  {
    title: 'a file that came and went between two looks comes to light after a restart',
    operations: [
      { op: 'append', piece: 'many', size: 8 },
      { op: 'look' },
      { op: 'save' },
      { op: 'replace', by: 'rename', with: 'added' },
      { op: 'rotate', next: 'none', late: false },
      { op: 'append', piece: 'line', size: 0 },
      { op: 'look' },
      { op: 'restart', from: 'last' },
      { op: 'look' },
    ],
  },
  {
    title: 'two rewrites with the same first line, the second to the same size',
    operations: [
      { op: 'append', piece: 'many', size: 29 },
      { op: 'append', piece: 'line', size: 34 },
      { op: 'rewrite', to: 'larger', sameBegin: true, copy: false },
      { op: 'look' },
      { op: 'rewrite', to: 'same size', sameBegin: true, copy: false },
      { op: 'look' },
    ],
  },
  {
    title: 'a rotated file that was read is no copy of its successor, which begins alike and is emptied',
    operations: [
      { op: 'append', piece: 'line', size: 1021 },
      { op: 'rotate', next: 'same begin', late: true },
      { op: 'replace', by: 'rename', with: 'shortened' },
      { op: 'look' },
      { op: 'rewrite', to: 'empty', sameBegin: false, copy: false },
    ],
  },
  {
    title: 'a file that has the inode of the one of the checkpoint, begins with all of it and was rotated, too',
    operations: [
      { op: 'append', piece: 'end', size: 0 },
      { op: 'look' },
      { op: 'remove' },
      { op: 'save' },
      { op: 'restart', from: 'last' },
      { op: 'append', piece: 'end', size: 700 },
      { op: 'rotate', next: 'none', late: true },
      { op: 'restart', from: 'last' },
      { op: 'save' },
    ],
  },
  {
    title: 'a file that was replaced twice, the second time by one with the inode of the first, and then rotated',
    operations: [
      { op: 'append', piece: 'line', size: 700 },
      { op: 'look' },
      { op: 'save' },
      { op: 'replace', by: 'rename', with: 'added' },
      { op: 'restart', from: 'last' },
      { op: 'replace', by: 'rename', with: 'added' },
      { op: 'rotate', next: 'none', late: false },
      { op: 'restart', from: 'last' },
      { op: 'look' },
    ],
  },
]
