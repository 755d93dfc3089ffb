/* Preloaded into a program: each large write waits first, so that a small merge lasts long enough to be interrupted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

enum { k_large = 65536 };

static void delay(size_t bytes) {
  const char* text = getenv("DARE_TEST_WRITE_DELAY_MS");
  const long ms = text != NULL ? atol(text) : 0;
  if (bytes < k_large || ms <= 0) return;
  struct timespec left = {ms / 1000, (ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0) {
  }
}

ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) {
  static ssize_t (*next)(int, const void*, size_t, off_t);
  if (next == NULL) next = (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  delay(bytes);
  return next(fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void* data, size_t bytes, off64_t offset) {
  static ssize_t (*next)(int, const void*, size_t, off64_t);
  if (next == NULL) next = (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  delay(bytes);
  return next(fd, data, bytes, offset);
}
