// SPDX-License-Identifier: Apache-2.0
// What C code does beside Python: threads that only allocate, and callers that look at errno.
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static void *allocate(void *blocks) {
    for (long i = (long)blocks; i > 0; i--) {
        void *volatile block = malloc(5003);
        free(block);
    }
    return NULL;
}

void allocate_in_threads(int threads, long blocks) {
    pthread_t ids[64];
    for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, allocate, (void *)blocks);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
}

int keeps_errno(int number) {
    errno = number;
    void *volatile block = malloc(5011);
    int after_malloc = errno;
    errno = number;
    free(block);
    return after_malloc == number && errno == number;
}
