"""How fast one token may simulate: every screening is a real file on the server's disk."""

import threading
import time
from dataclasses import dataclass

from ..problems import Problem

#: Simulations at once, and how many more each second (chosen: enough to try out, too few to fill a disk).
BURST, PER_S = 60.0, 1.0
#: More tokens than parcel systems; the one that waited longest makes room.
_MOST = 1000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Pace:
    """A token bucket for each caller, in memory: a new server begins anew."""

    def __init__(self, burst: float = BURST, per_s: float = PER_S) -> None:
        self._burst, self._per_s = burst, per_s
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def spend(self, token_id: str) -> None:
        """Take one simulation from what a caller has left.

        Raises
        ------
        Problem
            Nothing is left; the header says when there will be.
        """
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.pop(token_id, None) or _Bucket(self._burst, now)
            bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_s)
            bucket.at = now
            self._buckets[token_id] = bucket
            while len(self._buckets) > _MOST:
                del self._buckets[next(iter(self._buckets))]
            if bucket.left < 1.0:
                wait = str(int((1.0 - bucket.left) / self._per_s) + 1)
                raise Problem("rate_limited", f"try again in {wait} s", headers={"Retry-After": wait})
            bucket.left -= 1.0
