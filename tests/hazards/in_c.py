"""Has C code allocate: without the GIL and as fast as four threads can, and with an errno that must stay."""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
print(all(library.keeps_errno(number) for number in range(1, 100) for _ in range(10)))
library.allocate_in_threads(4, ctypes.c_long(25_000))
# SPDX-License-Identifier: Apache-2.0
