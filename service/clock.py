"""Whether this machine's clock is kept right, as the kernel tells it, and the one that nobody sets."""

import ctypes
import sys
import time

SYNCHRONISED, UNSYNCHRONISED, UNKNOWN = "synchronised", "unsynchronised", "unknown"

#: ``TIME_ERROR`` of adjtimex(2): nobody disciplines the clock.
_TIME_ERROR = 5
#: ``struct timex`` has 208 bytes on Linux (bits/timex.h); zero ``modes`` only reads.
_TIMEX_BYTES = 512


def clock_state() -> str:
    """Return ``synchronised``, ``unsynchronised``, or ``unknown`` where the system does not tell."""
    if sys.platform != "linux":
        return UNKNOWN
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return UNKNOWN
    if answer < 0:
        return UNKNOWN
    return UNSYNCHRONISED if answer == _TIME_ERROR else SYNCHRONISED


def awake_or_not() -> float:
    """Return the seconds since this machine was started, those in which it slept among them; never set back.

    `time.monotonic` stands still during suspend (clock_gettime(2)): a lid closed in the evening and opened in
    the morning would leave the officer of the evening signed in.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
