/** The public test kit: what a function's tests import as `#runtime/testing`. */
export { type MemoryBroker, memoryBroker } from './doubles/broker.ts'
export { settle, TestClock } from './doubles/clock.ts'
export { contextFor, deliveryOf, type HandledBatch, handled, type Logged, mapped } from './doubles/handling.ts'
