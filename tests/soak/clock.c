/* Clocks that a test moves, for a program that is not changed: clock_gettime and what is built on it show the clocks of the
 * host and what a shared file adds to them, and a wait for events ends when its time is over by these clocks.
 *
 * The file that SOAK_CLOCK names has two numbers of 8 bytes: nanoseconds that are added to the wall clock, and to the clocks
 * that never go back. Loaded with LD_PRELOAD; it must not be loaded without that file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

/* The longest wait before the clocks are looked at again, in milliseconds. */
#define SLICE 1

static const volatile int64_t *added;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("SOAK_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *shared = file < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof *added, PROT_READ, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED)
        abort();
    close(file);
    added = shared;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result != 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return result;
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    int64_t shown = time->tv_sec * SECOND + time->tv_nsec + added[is_wall ? 0 : 1];
    time->tv_sec = shown / SECOND;
    time->tv_nsec = shown % SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
    int64_t until = timeout > 0 ? milliseconds() + timeout : 0;
    for (;;) {
        int slice = timeout > SLICE ? SLICE : timeout;
        int ready = (int)syscall(SYS_epoll_pwait, epoll, events, most, slice, NULL, 8);
        if (ready != 0 || timeout <= 0 || milliseconds() >= until)
            return ready;
    }
}
