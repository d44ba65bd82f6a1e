/**
 * Calls `signalled` on SIGTERM, on SIGINT, and when a parent that holds an IPC channel goes away: a function must not outlive
 * the fleet that started it. n.b. as PID 1 of a container a process without a handler ignores SIGTERM.
 */
export function onStopSignals(signalled: (signal: string) => void): void {
  process.on('SIGTERM', () => signalled('SIGTERM'))
  process.on('SIGINT', () => signalled('SIGINT'))
  if (process.connected) process.once('disconnect', () => signalled('disconnect'))
}
