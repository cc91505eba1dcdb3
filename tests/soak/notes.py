"""What happened to the requests of all clients: how long they took, and what was sent again."""

import threading
from collections import Counter, defaultdict


class Notes:
    """Times by kind of request, and refusals by status."""

    def __init__(self):
        self.lock = threading.Lock()
        self.times = defaultdict(list)
        self.refusals = Counter()
        self.repeated = 0

    def add(self, kind, seconds, retries):
        """A request that succeeded, with all its retries and pauses."""
        with self.lock:
            self.times[kind].append(seconds)
            self.repeated += retries > 0

    def refuse(self, status):
        """An attempt that did not; the status is None where the connection broke."""
        with self.lock:
            self.refusals[status] += 1

    def table(self):
        """Counts and latencies of each kind, as lines."""
        lines = [f"{'request':<24}{'count':>9}{'p50 ms':>10}{'p99 ms':>10}{'longest ms':>12}"]
        for kind, times in sorted(self.times.items()):
            times = sorted(times)
            p50, p99 = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
            lines.append(f"{kind:<24}{len(times):>9}{p50:>10.1f}{p99:>10.1f}{times[-1] * 1000:>12.1f}")
        refused = ", ".join(f"{count} x {status or 'broken connection'}"
                            for status, count in self.refusals.items())
        lines.append(f"{self.repeated} requests were sent again; refusals: {refused or 'none'}")
        return lines
