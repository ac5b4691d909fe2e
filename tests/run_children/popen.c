/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command as C libraries do. */
#include <stdio.h>

int through_popen(const char *command) {
    FILE *out = popen(command, "r");
    char line[256];
    while (fgets(line, sizeof line, out))
        fputs(line, stdout);
    fflush(stdout);
    return pclose(out);
}
