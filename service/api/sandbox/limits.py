"""How fast one token may simulate: every screening is a real file on the server's disk."""

from ..guards.rates import Rate, too_many

#: Simulations at once, and how many more each second (chosen: enough to try out, too few to fill a disk).
BURST, PER_S = 60.0, 1.0


class Pace:
    """A token bucket for each caller, in memory: a new server begins anew."""

    def __init__(self, burst: float = BURST, per_s: float = PER_S) -> None:
        self._rate = Rate(per_s, burst)

    def spend(self, token_id: str) -> None:
        """Take one simulation from what a caller has left.

        Raises
        ------
        Problem
            Nothing is left; the header says when there will be.
        """
        if wait := self._rate.wait_s(token_id):
            raise too_many("this token simulates", wait)
