"""Event loops: asyncio's own and uvloop's, each with a server and clients on this machine, tasks and queues."""
import asyncio

import uvloop


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper() * 3)
        await writer.drain()
    writer.close()


async def ask(port, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    total = 0
    for count in range(1, 20):
        writer.write(b"x" * 100 * count + b"\n")
        for _ in range(3):
            total += len(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return total * number


async def produce(queue):
    for number in range(200):
        await queue.put(bytearray(1000 + number))
    await queue.put(None)


async def consume(queue):
    total = 0
    while (item := await queue.get()) is not None:
        total += len(item)
    return total


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    totals = [await ask(port, number) for number in range(5)]
    queue = asyncio.Queue(10)
    _, consumed = await asyncio.gather(produce(queue), consume(queue))
    server.close()
    await server.wait_closed()
    print(totals, consumed)


asyncio.run(main())
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
# SPDX-License-Identifier: Apache-2.0
