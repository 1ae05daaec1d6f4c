"""The guardian: a process of its own session that owns a laser and turns it off when its client falls silent.

Light must not depend on the health of the program that asked for it. ``python -m instrument.guardian``
owns the port; programs talk to it through `GuardedLaser`, an ordinary `instrument.interfaces.Laser`.
"""

from .client import GuardedLaser
from .spawn import GuardianHandle, start_guardian, stop_guardian

__all__ = ["GuardedLaser", "GuardianHandle", "start_guardian", "stop_guardian"]
