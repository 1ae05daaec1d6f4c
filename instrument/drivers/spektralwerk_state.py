"""The state a Spektralwerk Core should be in, and whether it still is.

Between two lines there is no connection that could break when the device is restarted. So its settings are
read back with every spectrum, and after every failure.
"""

import math
from dataclasses import replace

from ..errors import ConnectionLost, DeviceRefused, InstrumentError, ProtocolError
from .spektralwerk_device import Facts, Identity, read_identity
from .spektralwerk_formats import numbers
from .spektralwerk_link import SpektralwerkLink
from .spektralwerk_setup import EXPOSURE, Setup, read_setup, setup_commands, setup_questions


class SetupState:
    """What one device is set to.

    Parameters
    ----------
    identity, facts
        Who it is, and what can be set.
    """

    def __init__(self, link: SpektralwerkLink, identity: Identity, facts: Facts) -> None:
        self._link, self._identity, self._facts = link, identity, facts
        self._doubtful = False
        (exposure,) = link.ask(f"{EXPOSURE}?")
        self.setup = Setup(_microseconds(exposure), (0, facts.pixels - 1))
        """What it was last read back to be set to."""

    @property
    def duration_s(self) -> float:
        """How long a spectrum takes, s."""
        return self.setup.averages * self.setup.exposure_us / 1e6

    def doubt(self) -> None:
        """Say that the device may not be set as it should be."""
        self._doubtful = True

    def settle_doubt(self) -> bool:
        """After a failure: see that it is the same device, and set it anew where it forgot.

        Returns
        -------
        bool
            True where it had forgotten: it was restarted.

        Raises
        ------
        ProtocolError
            Another device is there now.
        """
        if not self._doubtful:
            return False
        self.refuse_other(read_identity(self._link))
        forgotten = self._read() != self.setup
        if forgotten:
            self._write(self.setup)
        self._doubtful = False
        return forgotten

    def write_first(self) -> None:
        """Set everything to what raw single exposures need."""
        self._write(self.setup)

    def write(self, wanted: Setup) -> None:
        """Bring the device into a state and read it back; raises `DeviceRefused` where it is another."""
        self.settle_doubt()
        try:
            self._write(wanted)
        except InstrumentError:
            # Some of it may have been obeyed.
            self._doubtful = True
            raise

    def refuse_other(self, identity: Identity) -> None:
        """Raise `ProtocolError` for another device than the one that was opened."""
        if identity.serial != self._identity.serial:
            raise ProtocolError(
                f"{self._link.name}: another device is here now, serial {identity.serial}; open it anew"
            )

    def refuse_changed_exposure(self, answer: str) -> None:
        """Raise `ConnectionLost` where the answer tells another exposure than the one set."""
        self._refuse(_microseconds(answer) == self.setup.exposure_us)

    def refuse_changed(self) -> None:
        """Ask for identity and settings; raise `ConnectionLost` where something changed by itself."""
        self.refuse_other(read_identity(self._link))
        self._refuse(self._read() == self.setup)

    def _refuse(self, unchanged: bool) -> None:
        if not unchanged:
            raise ConnectionLost(
                f"{self._link.name}: the device is not set as it was; was it restarted? "
                "It is set anew with the next spectrum"
            )

    def _write(self, wanted: Setup) -> None:
        commands = setup_commands(wanted, self._facts.pixels)
        self._link.command(*(commands if self._facts.full else commands[:1]))
        read = self._read()
        if read is None or not _same(read, wanted):
            raise DeviceRefused(f"{self._link.name}: asked for {wanted}, reads back {read}")
        self.setup = read

    def _read(self) -> Setup | None:
        """Return what it is set to; None for a state we have no name for."""
        questions = setup_questions() if self._facts.full else ()
        exposure, *answers = self._link.ask(f"{EXPOSURE}?", *questions)
        microseconds = _microseconds(exposure)
        if not self._facts.full:
            return Setup(microseconds, (0, self._facts.pixels - 1))
        return read_setup(microseconds, answers, self._facts.pixels)


def _microseconds(answer: str) -> int:
    return round(numbers(answer, 1, "exposure")[0])


def _same(read: Setup, wanted: Setup) -> bool:
    """Return whether a state is the one asked for; devices count their exposure in steps."""
    near = math.isclose(read.exposure_us, wanted.exposure_us, rel_tol=1e-3, abs_tol=1.0)
    return near and replace(read, exposure_us=0) == replace(wanted, exposure_us=0)
