/** Stands for a test that takes long. */
process.stdout.write('asleep\n')
setInterval(() => {}, 1000)
