/** The public test kit: what a function's tests import as `#runtime/testing`. */
export { settle, TestClock } from './doubles/clock.ts'
