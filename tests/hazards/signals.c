// A handler that is not Python's, on a stack of its own, as small as they come.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

int count;

static void handle(int number) {
    int kept = errno;
    (void)number;
    count++;
    errno = kept;
}

void handle_in_c(int number) {
    stack_t stack = {.ss_sp = malloc(SIGSTKSZ), .ss_size = SIGSTKSZ};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigaltstack(&stack, NULL);
    sigaction(number, &action, NULL);
}
// SPDX-License-Identifier: Apache-2.0
