"""One promised rate of false alarms for a whole screening, and how its scans divide it.

By the union bound the chances of several scans to be wrong add up, whatever their correlation. The first
scans of a screening, as many as a method plans, share the promise evenly; those beyond get less and less, so
that the sum never exceeds the promise however often an officer scans again. Within a scan the search
and each trained class share evenly, and looks at a growing scan as `spectra.sequential` says.
"""

from .errors import ValueRangeError


def share_of(scan_number: int, planned: int) -> float:
    """Return the share of a screening's promised rate that one of its scans may spend.

    ``1/(planned + 1)`` for each of the planned scans and ``1/(k·(k + 1))`` for the k-th beyond: the first
    sum to planned/(planned + 1), the others telescope to the rest. The division is our choice.

    Parameters
    ----------
    scan_number
        Number of the scan in its screening, over spots, attempts and techniques, from 1.
    planned
        Scans a screening is planned to have, from 1.

    Raises
    ------
    ValueRangeError
        A number below 1.
    """
    if scan_number < 1 or planned < 1:
        raise ValueRangeError("scans are numbered from 1, and at least one is planned")
    if scan_number <= planned:
        return 1.0 / (planned + 1)
    return 1.0 / (scan_number * (scan_number + 1))


def search_share(classes: int) -> float:
    """Return the share of a scan's rate that the search for references spends beside trained classes."""
    return 1.0 / (1 + max(classes, 0))
