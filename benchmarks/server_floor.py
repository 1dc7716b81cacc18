"""``python -m benchmarks.server_floor``: what it costs to do nothing but send.

Accepts so many connections, then sends the same bytes to all of them so many times, with one
system call each and nothing else. Prints its port, then the CPU seconds. That is the floor under
any server's delivery on this machine: the kernel's work, the receiver's part of it included.
"""

from __future__ import annotations

import argparse
import socket
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("receivers", "rounds", "bytes"):
        parser.add_argument(name, type=int)
    parser.add_argument("rounds_per_s", type=float)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        print(listener.getsockname()[1], flush=True)
        receivers = [listener.accept()[0] for _ in range(options.receivers)]
    content = bytes(options.bytes)
    begin_s, begin_cpu_s = time.monotonic(), time.process_time()
    for number in range(options.rounds):
        time.sleep(max(0.0, begin_s + number / options.rounds_per_s - time.monotonic()))
        for receiver in receivers:
            receiver.sendall(content)
    print(time.process_time() - begin_cpu_s, flush=True)


if __name__ == "__main__":
    main()
