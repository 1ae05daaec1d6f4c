"""How much one caller may ask: a bucket of tokens for each (RFC 6585, section 4; token bucket of RFC 2697).

Counted in each server process by itself: with several processes behind one proxy a caller gets as many
times the rate. That is enough against a program run wild, which is what the limit is for.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ..permissions import Role
from ..problems import Problem

#: Callers remembered; the one longest unseen makes room, and begins with a full bucket again.
MOST_CALLERS = 10_000

#: A bench that was cut off for a day sends everything at once, and must (chosen: ten times the others).
BENCH_FACTOR = 10.0

#: Wrong tokens from one address, and how fast that is forgiven, 1/s (chosen: a person mistypes a few times).
WRONG_BURST, WRONG_PER_S = 20.0, 0.2


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


@dataclass(slots=True)
class Rate:
    """Buckets of one size, one for each caller.

    Parameters
    ----------
    per_s
        How fast a bucket fills, 1/s; more than 0.
    burst
        How much it holds.
    clock
        Monotonic time, s.
    """

    per_s: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict, repr=False)

    def wait_s(self, caller: str) -> float:
        """Take one from a caller's bucket: 0, or how long to wait where it is empty, s."""
        now = self.clock()
        with self._lock:
            bucket = self._buckets.pop(caller, None) or _Bucket(self.burst, now)
            bucket.level = min(self.burst, bucket.level + (now - bucket.at) * self.per_s)
            bucket.at = now
            self._buckets[caller] = bucket
            while len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
            if bucket.level >= 1.0:
                bucket.level -= 1.0
                return 0.0
            return (1.0 - bucket.level) / self.per_s


class Rates:
    """The limits of one server process.

    Parameters
    ----------
    per_s
        Requests of one token, 1/s, twice as many at once; benches have `BENCH_FACTOR` times that. 0 for no
        limit, also none on wrong tokens.
    """

    def __init__(self, per_s: float) -> None:
        self._callers = Rate(per_s, 2 * per_s) if per_s else None
        self._benches = Rate(per_s * BENCH_FACTOR, 2 * per_s * BENCH_FACTOR) if per_s else None
        self._wrong = Rate(WRONG_PER_S, WRONG_BURST) if per_s else None

    def count(self, token_id: str, role: Role) -> None:
        """Count a request of a valid token; raises the problem `rate_limited` where there are too many."""
        rate = self._benches if role is Role.BENCH else self._callers
        if rate is not None and (wait := rate.wait_s(token_id)):
            raise too_many("this token asks", wait)

    def count_wrong(self, address: str) -> None:
        """Count a wrong token from an address; raises the problem `rate_limited` where there are too many.

        Valid tokens from the same address are not touched by it.
        """
        if self._wrong is not None and (wait := self._wrong.wait_s(address)):
            raise too_many("wrong tokens come from this address", wait)


def too_many(what: str, wait: float) -> Problem:
    """Return the problem of who does something too often, with the wait, s, in its header."""
    whole = max(1, round(wait + 0.5))
    return Problem("rate_limited", f"{what} too often: wait {whole} s", headers={"Retry-After": str(whole)})
