/**
 * The pages whose blocks of `sh` a test types, and the file that names the page for it. Everywhere else a block says in the line before
 * why no test runs it, `<!-- not run: REASON -->`, best with the test that does as much.
 */
export const typedPages: Readonly<Record<string, string>> = {
  'docs/explanation/scaling.md': 'test/dev/simulate/main.test.ts',
  // For test/e2e/guide.e2e.ts.
  'docs/howto/k3d.md': 'test/e2e/support/guide.ts',
  'docs/howto/large-messages.md': 'test/tooling/howto.test.ts',
  'docs/howto/long-jobs.md': 'test/tooling/howto.test.ts',
  'docs/howto/ordered-processing.md': 'test/tooling/howto.test.ts',
  'docs/howto/production-checklist.md': 'test/tooling/howto.test.ts',
  'docs/howto/redrive-dead-letters.md': 'test/cli/dlq/guide.test.ts',
  'docs/howto/replay-history.md': 'test/cli/history/guide.test.ts',
  'docs/howto/several-brokers.md': 'test/tooling/howto.test.ts',
  'docs/howto/why-does-it-not-scale.md': 'test/cli/doctor-guide.test.ts',
  'docs/tutorial.md': 'test/cli/tutorial.test.ts',
}
