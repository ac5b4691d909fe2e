// A library that is loaded and unloaded while the program is recorded.
#include <stdlib.h>

int allocate_and_free(int size) {
    char *volatile block = malloc(size);
    if (!block) return 0;
    block[size - 1] = 1;
    free(block);
    return 1;
}
// SPDX-License-Identifier: Apache-2.0
