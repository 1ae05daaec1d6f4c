"""The laser inside an emulated Ventana.

Its protocol knows enable and intensity (SeaBreeze, ``OBPLightSourceProtocol_Ventana.cpp``) and nothing of an
interlock, a key, a fault or a watchdog: an open interlock only makes it dark. Whether the hardware comes back
with the laser off after a power cut is unproven; here it does.
"""

import asyncio
import struct
from typing import Any

from ..obp_numbers import ErrorNumber, MessageType
from .faults import Fault, FaultKind, FaultSpecError
from .light import LightLog
from .obp_table import ObpTable, Refusal
from .scene import SceneError

#: Power at intensity 1, mW; chosen.
LASER_MAX_MW = 200.0
_ADDRESS = b"\0\0"


class ObpLaser:
    """Emission of module 0, source 0; every change goes to the light log before it is acknowledged."""

    def __init__(self, log: LightLog) -> None:
        self._log = log
        self.on, self.intensity, self.interlock_closed = 0, 1.0, True

    @property
    def power_mw(self) -> float:
        """Light that leaves the device, mW; the intensity is the laser's duty (data sheet page 16)."""
        return self.on * self.interlock_closed * self.intensity * LASER_MAX_MW

    def power_on(self) -> None:
        """Be as after power-on: dark."""
        self.on, self.intensity = 0, 1.0
        self._write()

    def suffer(self, fault: Fault) -> bool:
        """Open the interlock if the laser is on; return whether it was.

        Raises
        ------
        FaultSpecError
            The fault is none of this laser.
        """
        if fault.kind is not FaultKind.INTERLOCK:
            raise FaultSpecError(f"{fault.kind}: this laser has no message for it, see emulate faults")
        if self.power_mw <= 0:
            return False
        self._set_interlock(closed=False)
        if fault.value is not None:
            asyncio.get_running_loop().call_later(fault.value, lambda: self._set_interlock(closed=True))
        return True

    def control(self, message: dict[str, Any]) -> None:
        """Carry out ``interlock`` of a control message; raises `SceneError`."""
        if "interlock" in message:
            if message["interlock"] not in ("open", "closed"):
                raise SceneError("interlock: open or closed")
            self._set_interlock(closed=message["interlock"] == "closed")

    def state(self) -> dict[str, Any]:
        """Return the laser's state as JSON values."""
        return {
            "enabled": bool(self.on),
            "intensity": self.intensity,
            "power_mw": self.power_mw,
            "interlock": "closed" if self.interlock_closed else "open",
        }

    def teach(self, table: ObpTable) -> None:
        """Fill the table's part of the laser."""
        types = MessageType
        table.queries[types.GET_LASER_ENABLE] = (2, lambda o: _addressed(o, bytes([self.on])))
        table.queries[types.GET_LASER_INTENSITY] = (
            2,
            lambda o: _addressed(o, struct.pack("<f", self.intensity)),
        )
        table.commands[types.SET_LASER_ENABLE] = (3, self._set)
        table.commands[types.SET_LASER_INTENSITY] = (6, self._set)

    def close(self) -> None:
        """Go dark."""
        self._log.close()

    def _set(self, operand: bytes) -> bytes:
        """Carry out a command: address, then u8 on or f32 intensity."""
        _addressed(operand[:2], b"")
        value = operand[2] if len(operand) == 3 else struct.unpack("<f", operand[2:])[0]
        if not 0 <= value <= 1:
            raise Refusal(ErrorNumber.INVALID_DATA)
        if len(operand) == 3:
            self.on = value
        else:
            self.intensity = value
        self._write()
        return b""

    def _set_interlock(self, *, closed: bool) -> None:
        self.interlock_closed = closed
        self._write()

    def _write(self) -> None:
        self._log.set_power(self.power_mw)


def _addressed(address: bytes, answer: bytes) -> bytes:
    """Return the answer; refuse any light source but module 0, source 0."""
    if address != _ADDRESS:
        raise Refusal(ErrorNumber.NO_SUCH_INFORMATION)
    return answer
