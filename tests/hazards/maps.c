// SPDX-License-Identifier: Apache-2.0
// Mappings that are moved onto others, and calls that the kernel refuses. Each says whether it went so.
#define _GNU_SOURCE
#include <sys/mman.h>

static char *map(size_t size) {
    return mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int moves_onto_another(long size) {
    char *one = map(size), *other = map(size);
    return mremap(one, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, other) == other;
}

int maps_over_itself(long size) {
    char *kept = map(size);
    return mmap(kept, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == kept;
}

int is_refused_a_place(long size) {
    char *kept = map(size);
    return mmap(kept, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, 9999, 0) == MAP_FAILED;
}

int is_refused_an_end(long size) {
    char *kept = map(size);
    return munmap(kept, (size_t)-4096) == -1;
}
