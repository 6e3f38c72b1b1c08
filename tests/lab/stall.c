// SPDX-License-Identifier: GPL-2.0-or-later

/// A disk that stands still, for tests: preloaded into a program, it holds up every call that would
/// touch a file below the directory SIPLAB_STALL_BELOW, as long as the file SIPLAB_STALL_WHILE
/// exists. How often that has happened is told by the size of the file SIPLAB_STALL_COUNT.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void count(void) {
    const char* path = getenv("SIPLAB_STALL_COUNT");
    const long fd = path == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND);
    if (fd >= 0) {
        syscall(SYS_write, fd, "x", 1);
        syscall(SYS_close, fd);
    }
}

static void hold(const char* path) {
    const char* below = getenv("SIPLAB_STALL_BELOW");
    const char* flag = getenv("SIPLAB_STALL_WHILE");
    if (below == NULL || flag == NULL || strncmp(path, below, strlen(below)) != 0 ||
        syscall(SYS_faccessat, AT_FDCWD, flag, F_OK) != 0) {
        return;
    }
    count();
    const struct timespec pause = {0, 10000000};
    while (syscall(SYS_faccessat, AT_FDCWD, flag, F_OK) == 0) {
        nanosleep(&pause, NULL);
    }
}

static void holdFile(int fd) {
    char link[64];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const long size = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (size > 0) {
        path[size] = 0;
        hold(path);
    }
}

static void* next(const char* name) { return dlsym(RTLD_NEXT, name); }

#define OPEN(name)                                                                              \
    int name(const char* path, int flags, ...) {                                                \
        va_list rest;                                                                           \
        va_start(rest, flags);                                                                  \
        const int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0;          \
        va_end(rest);                                                                           \
        hold(path);                                                                             \
        return ((int (*)(const char*, int, ...))next(#name))(path, flags, mode);                \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                             \
    FILE* name(const char* path, const char* mode) {                                            \
        hold(path);                                                                             \
        return ((FILE * (*)(const char*, const char*)) next(#name))(path, mode);                \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define ON_FILE(type, name, arguments, call) \
    type name arguments {                    \
        holdFile(fd);                        \
        return ((type(*) arguments)next(#name))call; \
    }
ON_FILE(int, fsync, (int fd), (fd))
ON_FILE(int, fdatasync, (int fd), (fd))
ON_FILE(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
ON_FILE(ssize_t, read, (int fd, void* data, size_t size), (fd, data, size))

int rename(const char* from, const char* to) {
    hold(from);
    return ((int (*)(const char*, const char*))next("rename"))(from, to);
}

int unlink(const char* path) {
    hold(path);
    return ((int (*)(const char*))next("unlink"))(path);
}

#define STAT(name)                                                                              \
    int name(const char* restrict path, struct stat* restrict result) {                         \
        hold(path);                                                                             \
        return ((int (*)(const char*, struct stat*))next(#name))(path, result);                 \
    }
STAT(stat)
STAT(lstat)

// The same structure on 64 bit machines; its own name would need another type here.
int stat64Held(const char* restrict path, void* restrict result) __asm__("stat64");
int stat64Held(const char* restrict path, void* restrict result) {
    hold(path);
    return ((int (*)(const char*, void*))next("stat64"))(path, result);
}
