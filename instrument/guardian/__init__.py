"""The guardian: a process of its own session that owns a laser and turns it off when its client falls silent.

Light must not depend on the health of the program that asked for it. ``python -m instrument.guardian``
owns the port; programs talk to it through `GuardedLaser`, an ordinary `instrument.interfaces.Laser`, or
`GuardedUnit` where a spectrometer contains its laser. The files, from the device outwards: `port` holds the
driver, `operating` uses it, `keeper` is the thread that does so, `server` the socket, `relief` the process
that starts another guardian when one dies, `session` a program's claim.
"""

from .client import GuardedLaser
from .launch import GuardianHandle
from .spawn import start_guardian, stop_guardian
from .states import LaserState, State
from .unit import GuardedSpectrometer, GuardedUnit
from .watch import GuardianWatch

__all__ = [
    "GuardedLaser",
    "GuardedSpectrometer",
    "GuardedUnit",
    "GuardianHandle",
    "GuardianWatch",
    "LaserState",
    "State",
    "start_guardian",
    "stop_guardian",
]
