import type { TestContext } from 'node:test'
import { Kubectl } from './kubectl.ts'

/** As kube-prometheus-stack names it in its namespace, if its release is `prometheus-operator`. */
const service = 'service/prometheus-operator-kube-p-prometheus'

/** The cluster's Prometheus, as long as the test runs. @returns its address */
export async function openPrometheus(t: TestContext): Promise<string> {
  const { port, child } = await new Kubectl('monitoring').forward(service, 9090)
  t.after(() => child.kill())
  return `http://127.0.0.1:${port}`
}

/** What one path of its API answers. */
export async function askPrometheus<T>(url: string, path: string): Promise<T> {
  return ((await (await fetch(`${url}/api/v1/${path}`)).json()) as { data: T }).data
}
