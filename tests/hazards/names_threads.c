// SPDX-License-Identifier: Apache-2.0
// Threads of C that name themselves, each in another way, and keep a block.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>

static void *volatile kept[2];

static void *by_prctl(void *unused) {
    prctl(PR_SET_NAME, "named by prctl");
    kept[0] = malloc(70008);
    return unused;
}

static void *by_the_library(void *unused) {
    pthread_setname_np(pthread_self(), "by the library");
    kept[1] = malloc(70008);
    return unused;
}

void run_threads(void) {
    pthread_t ids[2];
    pthread_create(&ids[0], NULL, by_prctl, NULL);
    pthread_create(&ids[1], NULL, by_the_library, NULL);
    for (int i = 0; i < 2; i++) pthread_join(ids[i], NULL);
}
