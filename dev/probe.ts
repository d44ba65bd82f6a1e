/** As in the Deployment's probes, but for a machine where everything is near. */
const timeoutMs = 1000

/** Asks a process as a kubelet does whether it is ready. Never rejects. */
export async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(timeoutMs) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
