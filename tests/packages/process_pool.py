"""Pools of processes, forked and spawned, with arrays going to and fro."""
import concurrent.futures
import multiprocessing


def work(block):
    return [bytes(block) * 2 for _ in range(10)]


def run(method):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        results = pool.map(work, [bytearray(1000 * number) for number in range(20)])
        print(method, sum(len(block) for blocks in results for block in blocks))
    with context.Pool(2) as pool:
        print(method, sum(len(blocks[0]) for blocks in pool.imap(work, [bytes(10 * number) for number in range(20)])))


if __name__ == "__main__":
    run("fork")
    run("spawn")
# SPDX-License-Identifier: Apache-2.0
