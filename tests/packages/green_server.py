"""gevent: a server and its clients in greenlets, a pool of them, and a queue between two."""
import gevent
import gevent.pool
import gevent.queue
import gevent.server
import gevent.socket


def answer(socket, address):
    with socket.makefile("rb") as lines:
        for line in lines:
            socket.sendall(line.upper() * 3)


def ask(port, number):
    total = 0
    with gevent.socket.create_connection(("127.0.0.1", port)) as socket, socket.makefile("rb") as lines:
        for count in range(1, 20):
            socket.sendall(b"x" * 100 * count + b"\n")
            for _ in range(3):
                total += len(lines.readline())
    return total * number


def blocks(depth):
    gevent.sleep(0)
    block = bytearray(1000 + depth)
    return len(block) + (blocks(depth - 1) if depth else 0)


def serve():
    server = gevent.server.StreamServer(("127.0.0.1", 0), answer)
    server.start()
    totals = [gevent.spawn(ask, server.server_port, number).get() for number in range(5)]
    server.stop()
    print(totals)


def pool():
    print(sum(gevent.pool.Pool(10).imap(blocks, range(40))))


def queue():
    items = gevent.queue.Queue(5)
    consumer = gevent.spawn(lambda: sum(len(item) for item in iter(items.get, None)))
    for number in range(100):
        items.put(bytearray(2000 + number))
    items.put(None)
    print(consumer.get())


serve()
pool()
queue()
# SPDX-License-Identifier: Apache-2.0
