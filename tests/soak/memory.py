"""The memory of server processes over time, each life of a process by itself."""

import re
import statistics
import threading
from pathlib import Path

EVERY_S = 2
# A life with fewer samples says nothing about growth.
FEWEST = 16
FACTOR, ALLOWANCE_MIB = 1.5, 64


class Memory:
    """Samples `VmRSS` of the replicas until it is stopped."""

    def __init__(self, replicas):
        self.replicas = replicas
        self.lives = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def stop(self):
        """Ends the watch."""
        self.stopping.set()
        self.thread.join()

    def quarters(self):
        """For each life: number of the replica, samples, and the median of each quarter in MiB."""
        found = []
        for (number, _pid), samples in self.lives.items():
            size = len(samples) // 4
            if len(samples) >= FEWEST:
                parts = [samples[at * size:(at + 1) * size] for at in range(4)]
                found.append((number, len(samples), [statistics.median(p) for p in parts]))
        return found

    def table(self):
        """The quarters as lines."""
        head = f"{'replica':<9}{'seconds':>9}" + "".join(f"{f'quarter {n} MiB':>16}"
                                                           for n in range(1, 5))
        return [head] + [f"{number:<9}{count * EVERY_S:>9}" + "".join(f"{m:>16.1f}" for m in medians)
                         for number, count, medians in self.quarters()]

    def grown(self):
        """The lives at whose end the memory was much more than in their second quarter."""
        return [life for life in self.quarters()
                if life[2][3] > FACTOR * life[2][1] + ALLOWANCE_MIB]

    def _watch(self):
        while not self.stopping.wait(EVERY_S):
            for number, replica in enumerate(self.replicas):
                pid = replica.process.pid
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                # A process that was killed and not yet reaped has no memory any more.
                if found := re.search(r"VmRSS:\s+(\d+) kB", status):
                    self.lives.setdefault((number, pid), []).append(int(found.group(1)) / 1024)
