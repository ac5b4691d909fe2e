// SPDX-License-Identifier: Apache-2.0
// Threads without Python that only allocate and free.
#include <pthread.h>
#include <stdlib.h>

static void *storm(void *pairs) {
    for (long i = (long)pairs; i > 0; i--) {
        void *volatile block = malloc(64);
        free(block);
    }
    return NULL;
}

void storm_in_threads(int threads, long pairs) {
    pthread_t ids[64];
    for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, storm, (void *)(pairs / threads));
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
}
