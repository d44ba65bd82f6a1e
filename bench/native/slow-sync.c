/*
 * A disk whose every sync takes SLOW_SYNC_MS longer, for a process that is started with LD_PRELOAD=this: fsync and fdatasync
 * wait before they sync. Reads and writes are as quick as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void hold(void) {
  const char *text = getenv("SLOW_SYNC_MS");
  long ms = text ? strtol(text, NULL, 10) : 0;
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

int fsync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  hold();
  return real(file);
}

int fdatasync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  hold();
  return real(file);
}
