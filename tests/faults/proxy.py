"""A TCP proxy that does what networks do at their worst: delay, reset, cut short, swallow."""

import random
import socket
import struct
import threading
from contextlib import suppress

CHUNK = 16_384


class FaultProxy:
    """Passes connections on to a port of this machine; its faults can be changed at any time.

    `latency` delays each piece of an answer by so many seconds. `cut_after` is a range of bytes: a
    connection is reset after so many bytes of answers. `refuses` resets new connections, and
    `swallows` takes everything and passes nothing on.
    """

    def __init__(self, target, seed=0):
        self.target = target
        self.latency = 0
        self.cut_after = None
        self.refuses = False
        self.swallows = False
        self.cuts = 0
        self.random = random.Random(seed)
        self.open = set()
        self.lock = threading.Lock()
        self.changed = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reset_all(self):
        """Resets every open connection at once."""
        with self.lock:
            both = list(self.open)
        for pair in both:
            self._reset(*pair)

    def close(self):
        """Ends the proxy with all its connections."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.changed.set()
        self.reset_all()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refuses:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
                far.settimeout(None)
            except OSError:
                self._reset(near)
                continue
            pair = (near, far)
            with self.lock:
                self.open.add(pair)
            threading.Thread(target=self._pump, args=(near, far, pair, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, pair, True), daemon=True).start()

    def _pump(self, source, sink, pair, is_answer):
        passed = 0
        limit = self.random.randrange(*self.cut_after) if self.cut_after else None
        with suppress(OSError):
            while piece := source.recv(CHUNK):
                if self.swallows:
                    continue
                if is_answer and self.latency:
                    self.changed.wait(self.latency)
                if is_answer and self.cut_after and limit is None:
                    limit = passed + self.random.randrange(*self.cut_after)
                if is_answer and self.cut_after and passed + len(piece) >= limit:
                    sink.sendall(piece[:max(0, limit - passed)])
                    self.cuts += 1
                    break
                sink.sendall(piece)
                passed += len(piece)
        self._reset(*pair)
        with self.lock:
            self.open.discard(pair)

    def _reset(self, *sockets):
        """Closes with RST, and wakes a thread that reads from the socket."""
        for one in sockets:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                one.shutdown(socket.SHUT_RD)
            one.close()
