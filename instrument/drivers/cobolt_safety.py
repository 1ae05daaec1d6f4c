"""When a Cobolt laser may come on, how it is told to, and why it does not."""

import time

from ..errors import (
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    HardwareFault,
    InterlockOpen,
    ProtocolError,
)
from .cobolt_facts import FAULTS, CoboltFacts, read_code, read_flag
from .cobolt_link import CoboltLink

#: Longest wait for the start sequence of a laser in autostart mode, s; chosen, above the 5 s of warning.
SEQUENCE_S = 8.0
#: Time between two readings that tell whether the temperature moves, s; chosen.
_GAP_S = 0.5


class CoboltSafety:
    """Interlock, fault, key and start of one laser."""

    def __init__(self, link: CoboltLink, facts: CoboltFacts) -> None:
        self._link, self._facts = link, facts

    def start(self) -> None:
        """Say on, once: by command, or by the start sequence where the laser is in autostart mode."""
        if not self._facts.autostart():
            self._link.command("l1")
            return
        self._link.command("@cob1")
        end = time.monotonic() + SEQUENCE_S
        while not self._link.ask("l?", read_flag):
            if self._facts.mode(max_age_s=0.0) == "waiting for key":
                raise InterlockOpen(
                    f"{self._link.name}: the laser waits for its key: turn it off and on again"
                )
            self.refuse_unsafe()
            if time.monotonic() > end:
                raise DeviceNotReady(
                    f"{self._link.name}: its start sequence takes too long; is it warming up?"
                )

    def interlock_closed(self) -> bool:
        """Return whether the interlock lets the laser fire."""
        return not self._link.ask_surely("ilk?", read_flag, lambda is_open: not is_open)

    def refuse_unsafe(self, *, clear: bool = False) -> None:
        """Raise where interlock or fault forbid firing; ``clear`` forgets one that is past."""
        if not self.interlock_closed():
            raise InterlockOpen(f"{self._link.name}: the interlock is open; close it, then try again")
        fault = self.fault()
        if clear and fault == "interlock":
            # It stays latched until it is cleared; whoever switches on again has closed it.
            self._link.command("cf", again=True)
            fault = self.fault()
        if fault:
            kind = InterlockOpen if fault == "interlock" else HardwareFault
            raise kind(f"{self._link.name}: the laser reports a fault: {fault}; clear it, then try again")

    def refusal(self, error: DeviceRefused) -> DeviceRefused:
        """Return the error for a laser that did not come on, and is off, with the reason it gives."""
        if type(error) is not DeviceRefused:
            return error
        what = str(error)
        self._facts.forget()
        try:
            if self._facts.key_on(max_age_s=0.0) is False:
                return InterlockOpen(f"{what}; turn the key switch on, then try again")
            if self._is_settling():
                return DeviceNotReady(f"{what}; its temperature is still settling: wait, then try again")
        except (DeviceRefused, DeviceTimeout, ProtocolError):
            # The reason is a courtesy; that it did not come on is known.
            return DeviceRefused(f"{what}; check the key switch")
        return DeviceRefused(f"{what}; check key switch and warm-up")

    def _is_settling(self) -> bool:
        """Return whether its temperature moves, from two readings half a second apart."""
        self._facts.settling()
        time.sleep(_GAP_S)
        return self._facts.settling()

    def fault(self) -> str:
        """Return the fault in words; empty for none."""
        code = self._link.ask("f?", read_code)
        return FAULTS.get(code, f"number {code}")
