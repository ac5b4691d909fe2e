// SPDX-License-Identifier: Apache-2.0
// A library that allocates below a recursion, in a function that is inlined, and calls back. NAME is what its functions'
// names begin with.
#include <stdlib.h>
#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(prefix, name) JOIN(prefix, name)

struct block {
    size_t size;
    char bytes[];
};

static inline __attribute__((always_inline)) struct block *make_block(size_t size)
{
    struct block *block = malloc(sizeof *block + size);
    block->size = size;
    memset(block->bytes, 1, size);
    return block;
}

static volatile size_t total;

__attribute__((noinline)) int NAMED(NAME, _descend)(int depth, size_t size)
{
    if (depth > 0) {
        return NAMED(NAME, _descend)(depth - 1, size) + (int)(total & 1);
    }
    struct block *block = make_block(size);
    total += block->size;
    free(block);
    return 0;
}

int NAMED(NAME, _call_back)(int (*callback)(int), int depth)
{
    return callback(depth) + (int)(total & 1);
}
