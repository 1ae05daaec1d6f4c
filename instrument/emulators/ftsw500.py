"""FTSW500 as a server of lines: ``command LF``, answered by ``ACK[&value] LF`` or ``NAK&message LF``.

Facts: FINESSE (``ftsw500_interface.py``). Unproven: that its files are JCAMP-DX, that saving ends by itself.
"""

import time

from spectra.formats import encode_jcamp
from spectra.values import Spectrum, Technique

from .ftir import Measured
from .ftir_program import FtirProgram, Phase
from .wire import Wire

#: Longest line believed, bytes.
MAX_LINE = 1 << 10
#: The state is undetermined for so long after each change, device s; less than half a second by the facts.
INTERMEDIATE_S = 0.2
_STATES = {
    Phase.DISCONNECTED: 0,
    Phase.CONNECTING: 1,
    Phase.CONNECTED: 2,
    Phase.MEASURING: 3,
    Phase.FINISHING: 3,
    Phase.CANCELLING: -1,
}


class FtswServer:
    """The lines of one FTSW500 program.

    Parameters
    ----------
    program
        What they speak of.
    speed
        Device seconds per second.
    """

    def __init__(self, program: FtirProgram, *, speed: float) -> None:
        self._program, self._speed = program, speed
        self._changed_at = 0.0

    async def serve(self, wire: Wire) -> None:
        """Answer lines until the client is gone."""
        self._program.faults = wire.faults
        waiting = b""
        while data := await wire.read():
            waiting += data
            if len(waiting) > MAX_LINE:
                return
            while b"\n" in waiting:
                line, _, waiting = waiting.partition(b"\n")
                await self._reply(line.decode("ascii", "replace").strip(), wire)

    async def _reply(self, command: str, wire: Wire) -> None:
        self._program.check_cut()
        before = self._program.phase

        def refused(number: int | None) -> bytes:
            self._program.undo(before)
            return b"NAK&refused\n" if number is None else f"NAK&error {number}\n".encode()

        await wire.reply(self.answer(command), refusal=refused, wrong=b"ACK&true\n")

    def answer(self, command: str) -> bytes:
        """Return the answer to a command."""
        if command == "getFTSW500State":
            undetermined = time.monotonic() - self._changed_at < INTERMEDIATE_S / self._speed
            return f"ACK&{-1 if undetermined else _STATES[self._program.phase]}\n".encode()
        possible = {
            "clickConnectButton": self._program.connect,
            "clickStartAcquisitionButton": self._program.start,
            "clickStopAcquisitionButton": self._program.finish_early,
        }
        if command not in possible:
            return b"NAK&unknown command\n"
        if not possible[command]():
            return b"NAK&not possible now\n"
        self._changed_at = time.monotonic()
        return b"ACK\n"


def encode_measured(measured: Measured, serial: str) -> bytes:
    """Return a measurement as JCAMP-DX."""
    spectrum = Spectrum(measured.axis[::-1], measured.absorbance[::-1], Technique.FTIR)
    head, _, rest = encode_jcamp(spectrum, "emulated sample").partition(b"##XUNITS")
    return head + f"##$SERIAL={serial}\r\n".encode() + b"##XUNITS" + rest


def encode_peaks(_: Measured) -> bytes:
    """Return a table of peaks, which is no spectrum."""
    return (
        b"##TITLE=peaks\r\n##JCAMP-DX=5.01\r\n##DATA TYPE=INFRARED PEAK TABLE\r\n##XUNITS=1/CM\r\n"
        b"##YUNITS=ABSORBANCE\r\n##NPOINTS=1\r\n##PEAK TABLE=(XY..XY)\r\n1700, 0.25\r\n##END=\r\n"
    )
