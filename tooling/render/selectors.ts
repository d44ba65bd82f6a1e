/** What is asked of Prometheus in the same words by alerts and dashboards. */

/** Not the queues that nobody is to consume: dead letters, retries, the history, locks and checkpoints. */
export const working = 'queue!~".+[.](dead|history|retry[.].+|lock[.].+|checkpoint[.].+)"'
/** The queues of dead letters. */
export const dead = 'queue=~".+[.]dead"'
