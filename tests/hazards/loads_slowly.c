// SPDX-License-Identifier: Apache-2.0
// Two libraries of one source. SLOW is one whose slots take the loader a while to fill, as it asks the library itself where
// one leads; all become read-only then. The other has a thread load that one, and asks for a name meanwhile.
#define _GNU_SOURCE
#include <stdlib.h>

// Where both look, at an address that they know: no slot can be used yet.
#define SIGNS ((volatile int *)0x2000000000)

#ifdef SLOW
static int answer(void) { return 1; }

static int (*choose(void))(void) {
    SIGNS[0] = 1;
    while (!SIGNS[1]) {}
    for (volatile long i = 0; i < 100000000; i++) {}
    return answer;
}

int chosen(void) __attribute__((ifunc("choose")));

int allocate_and_free(int size) {
    void *volatile block = malloc(size);
    free(block);
    return chosen() == 1 && block != NULL;
}
#else
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

static void *load(void *path) {
    void *handle = dlopen(path, RTLD_NOW);
    SIGNS[0] = 1;
    return handle;
}

static int (*allocates)(int);

int load_meanwhile(const char *path) {
    if (mmap((void *)SIGNS, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != SIGNS) return 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, load, (void *)path)) return 0;
    while (!SIGNS[0]) {}
    SIGNS[1] = 1;
    int (*call)(int) = (int (*)(int))dlsym(RTLD_DEFAULT, "abs");
    void *handle = NULL;
    pthread_join(thread, &handle);
    allocates = handle ? (int (*)(int))dlsym(handle, "allocate_and_free") : NULL;
    return call && call(-1) == 1 && allocates;
}

int allocate_there(int size) {
    return allocates(size);
}
#endif
