"""End with the process that started us, when asked to: a killed parent cannot say good-bye.

The parent's number is watched rather than `prctl(PR_SET_PDEATHSIG)` set: that signal comes already when
the *thread* that started us ends (prctl(2)), and tests start emulators from short-lived threads.
"""

import asyncio
import os

#: Time between two looks, s.
INTERVAL_S = 0.25


async def wait_for_orphanhood(parent: int) -> None:
    """Return once the process with this number is our parent no more."""
    while os.getppid() == parent:
        await asyncio.sleep(INTERVAL_S)
