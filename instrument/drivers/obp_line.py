"""Finding a device on a serial line at whatever speed it is, and raising that speed.

A device powers up at 9600 bits per second (vendor sample ``demo-sts-api.c``) and takes message 0x00000810 to
change that (``demo-qepro-api.c``: 9600 to 230400). When it changes, before or after its acknowledgement, is
not published: both are taken. An earlier program may have left it fast, a power cut makes it slow again.
"""

import struct
import time

from ..errors import DeviceRefused, DeviceTimeout, ProtocolError
from ..obp_frames import Flag, MessageType
from .obp_link import ObpLink

#: Line speed after power-up (vendor sample ``demo-sts-api.c``), bits per second.
DEFAULT_BAUD = 9600
#: Speeds a device takes (vendor sample ``demo-qepro-api.c``), bits per second.
RATES = (9600, 19_200, 38_400, 57_600, 115_200, 230_400)
#: Speed to work at, bits per second: chosen, the fastest that every USB adapter keeps.
FAST_BAUD = 115_200
#: What a device may take, beyond the line's time, to be found at a speed, s: chosen.
PROBE_S = 0.3
#: Pause between the acknowledgement of a new speed and its use, s: chosen, as its maker's older
#: devices want.
SETTLE_S = 0.06
_U32 = struct.Struct("<I")


class ObpLine:
    """The speeds of one line.

    Parameters
    ----------
    power_up
        Speed of the device after power-up; None on wires without a speed.
    fast
        Speed to work at; the same as ``power_up`` to leave it there.
    """

    def __init__(self, power_up: int | None = None, fast: int | None = None) -> None:
        self._power_up = power_up
        self._fast = power_up if fast is None else fast
        self._refused = ""
        self.words = "" if power_up is None else f"{power_up} bits per second"
        """What became of the speed, for the record."""

    def find(self, link: ObpLink, *, before: float | None = None) -> bytes:
        """Return the serial number of whatever answers, and leave the line at its speed.

        Parameters
        ----------
        before
            Moment of the monotonic clock after which nothing more is tried.

        Raises
        ------
        DeviceTimeout, ProtocolError
            Nothing answers at any speed, or nothing that makes sense.
        """
        failure: DeviceTimeout | ProtocolError | None = None
        for patient in (False, True):
            margin_s = link.margin_s if patient else min(PROBE_S, link.margin_s)
            for speed in self._candidates(link.baud):
                left = margin_s if before is None else before - time.monotonic()
                if left <= 0:
                    raise failure or DeviceTimeout(f"{link.name}: no time left to look for the device")
                if speed is not None:
                    link.set_baud(speed)
                try:
                    link.resync()
                    if patient:
                        # An earlier program may have left it exposing, or waiting for a trigger.
                        link.tell(MessageType.ABORT_ACQUISITION)
                    return link.attempt(MessageType.SERIAL_NUMBER, margin_s=min(margin_s, left))
                except (DeviceTimeout, ProtocolError) as error:
                    failure = error
        assert failure is not None
        raise failure

    def hasten(self, link: ObpLink) -> None:
        """Raise the speed where the device takes that, and say in `words` what became of it."""
        here = link.baud
        if here is None:
            return
        self.words = f"{here} bits per second"
        if self._fast is None or here == self._fast:
            return
        why = self._refused or self._asked(link, self._fast)
        if not why:
            time.sleep(SETTLE_S)
            link.set_baud(self._fast)
            if self._answers(link):
                self.words = f"{self._fast} bits per second, raised from {here}"
                return
            link.set_baud(here)
            link.resync()
            why = f"no answer at {self._fast}"
        self._refused = why
        self.words += f"; not raised: {why}"

    def restore(self, link: ObpLink) -> None:
        """Set the device back to its speed at power-up, where the next program looks for it.

        Raises
        ------
        InstrumentError
            It did not acknowledge that.
        """
        if self._power_up is not None and link.baud not in (None, self._power_up):
            operand = _U32.pack(self._power_up)
            link.attempt(MessageType.SET_BAUD, operand, flags=Flag.ACK_REQUESTED, margin_s=PROBE_S)

    def _candidates(self, current: int | None) -> tuple[int | None, ...]:
        if current is None:
            return (None,)
        return tuple(dict.fromkeys(speed for speed in (current, self._power_up, self._fast, DEFAULT_BAUD)))

    def _asked(self, link: ObpLink, baud: int) -> str:
        """Ask for a speed; return why it will not be, empty where it may be."""
        try:
            link.attempt(MessageType.SET_BAUD, _U32.pack(baud), flags=Flag.ACK_REQUESTED, margin_s=PROBE_S)
        except DeviceRefused as error:
            return str(error)
        except (DeviceTimeout, ProtocolError) as error:
            # It may have changed first and acknowledged at the new speed.
            link.transcript.note(f"no acknowledgement of {baud} bits per second: {error}")
        return ""

    def _answers(self, link: ObpLink) -> bool:
        for _ in range(2):
            link.resync()
            try:
                link.attempt(MessageType.SERIAL_NUMBER, margin_s=PROBE_S)
            except (DeviceTimeout, ProtocolError) as error:
                link.transcript.note(f"{link.baud} bits per second: {error}")
            else:
                return True
        return False
