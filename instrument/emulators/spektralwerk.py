"""An emulated Spektralwerk Core: a near-infrared spectrometer that speaks SCPI over TCP.

Command tree and formats: the maker's documentation (en.silicann.com, "Spektralwerk Core SCPI API") and its
client ``spektralwerk_scpi_client``. One line per connection: the device answers and hangs up.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np

from spectra.values import FloatArray

from .detector import Detector
from .fault_source import ANY, DATA
from .faults import Fault
from .physics import Chip
from .scpi import EXECUTION, ILLEGAL_VALUE, ScpiError, ScpiInterpreter, header_pattern, number_within
from .spektralwerk_setup import SpektralwerkSetup
from .spektralwerk_spectra import as_sent, formatted, processed, separator
from .wire import Wire

CHIP = Chip(
    full_scale=65535, electrons_per_count=20.0, bias=1500.0, read_noise=300.0, dark_rate=2e4, pattern=15.0
)
#: Longest line believed, bytes; a dark reference of 4096 pixels fits.
MAX_LINE = 1 << 16
#: During a long exposure an empty item tells the client that the device is alive, s.
KEEP_ALIVE_S = 1.0
#: How often it looks for a trigger pulse, s.
TRIGGER_SLICE_S = 0.01
#: A client that sends no whole line for so long is hung up on, s.
LINE_WAIT_S = 10.0

_REFERENCE = "MEASure:SPECtrum:REFerence:"
_REQUEST = header_pattern("MEASure:SPECtrum:REQuest?")


class ClientGone(Exception):
    """The client hung up during an exposure."""


class Spektralwerk:
    """State of the instrument; it serves one connection at a time."""

    def __init__(self, serial: str, detector: Detector) -> None:
        self.serial, self.detector = serial, detector
        self.setup = SpektralwerkSetup(detector.pixels)
        self.lock = asyncio.Lock()
        self.pulses = 0
        """Trigger pulses that came and started nothing yet."""
        self._wire: Wire | None = None
        self._gave_spectrum = False
        self._scpi = ScpiInterpreter()
        self.power_on()
        self._learn_identity()
        self.setup.teach(self._learn)
        for name in self.references:
            self._learn_reference(name)
        for query, kind in (("REQuest:RAW?", "raw"), ("SAMPle:RAW:AVERaged?", "mean"), ("REQuest?", "set")):
            self._learn(f"MEASure:SPECtrum:{query}", self._spectrum_query(kind))

    def power_on(self) -> None:
        """Be as after power-on: defaults, no references, nothing in the error queue."""
        self.setup.reset()
        self.references: dict[str, FloatArray | None] = {"DARK": None, "LIGHt": None}
        self._scpi.power_on()

    def suffer(self, fault: Fault) -> None:
        """Let the detector suffer; raises `FaultSpecError` for what is no fault of a detector."""
        self.detector.suffer(fault)

    def state(self) -> dict[str, Any]:
        """Return what is set and what it gave, as JSON values."""
        return {
            **self.detector.state(),
            "exposure_s": self.setup.numbers["EXPosure:TIME"] * 1e-6,
            "averages": self.setup.numbers["AVERage:NUMBer"],
            "binning": self.setup.numbers["BINNing:WIDTh"],
            "roi": list(self.setup.roi),
            "processing": self.setup.words["PROCessing"],
            "format": self.setup.words["FORMat"],
        }

    async def serve_line(self, line: str, wire: Wire) -> None:
        """Carry out one line and send its answer; raises `ClientGone` where nobody waits for it."""
        checked = line.rstrip().upper().endswith("*ESR?")
        self._gave_spectrum = False
        async for piece in self.answer(line, wire):
            await wire.reply(
                piece,
                refusal=self._scpi.refusal if checked else None,
                kind=DATA if self._gave_spectrum else ANY,
                wrong=b"0;0\n" if "*IDN" in line.upper() and not self._gave_spectrum else self._other,
            )

    async def answer(self, line: str, wire: Wire) -> AsyncIterator[bytes]:
        """Carry out one line and yield its answer, a stream of spectra piece by piece.

        Raises
        ------
        ClientGone
            The client hung up while the device exposed.
        """
        self._wire = wire
        if _REQUEST.fullmatch(":" + line.strip().lstrip(":")):
            async for piece in self._stream():
                yield piece
            return
        answers = await self._scpi.line(line)
        if answers:
            yield (";".join(answers) + "\n").encode("ascii", "replace")

    async def _stream(self) -> AsyncIterator[bytes]:
        layout = self.setup.words["FORMat"]
        end = separator(layout)
        count, given = int(self.setup.numbers["COUNt"]), 0
        while count == 0 or given < count:
            if self.setup.words["TRIGger"] != "none":
                await self._wait(math.inf, end, until=self._pulse)
            spectrum = await self._spectrum("set", keep_alive=end)
            self.detector.truth.note(as_sent(spectrum, layout))
            yield formatted(spectrum, layout) + end
            given += 1

    async def _spectrum(self, kind: str, *, keep_alive: bytes = b"") -> FloatArray:
        """Expose and return a spectrum: ``raw``, ``mean`` (of raw ones), or as configured (``set``)."""
        steps = self.setup.words["PROCessing"].split(",") if kind == "set" else []
        averaging = kind == "mean" or "average" in steps
        counts = await self._expose(int(self.setup.numbers["AVERage:NUMBer"]) if averaging else 1, keep_alive)
        self._gave_spectrum = True
        return processed(
            counts,
            steps,
            dark=self.references["DARK"],
            light=self.references["LIGHt"],
            roi=self.setup.roi,
            width=int(self.setup.numbers["BINNing:WIDTh"]),
        )

    async def _expose(self, averages: int, keep_alive: bytes) -> FloatArray:
        exposure = self.detector.begin(self.setup.numbers["EXPosure:TIME"] * 1e-6, averages)
        await self._wait(exposure.real_s, keep_alive)
        return self.detector.finish(exposure)

    async def _wait(
        self, seconds: float, keep_alive: bytes, *, until: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait, and tell the client now and then that the device is alive; raises `ClientGone`."""
        end = time.monotonic() + seconds
        alive = time.monotonic() + KEEP_ALIVE_S
        slice_s = KEEP_ALIVE_S if math.isfinite(seconds) else TRIGGER_SLICE_S
        while self._wire is not None and (left := end - time.monotonic()) > 0 and not until():
            if await self._wire.read_within(min(left, slice_s)) == b"":
                raise ClientGone
            if keep_alive and time.monotonic() >= alive:
                await self._wire.send(keep_alive)
                alive += KEEP_ALIVE_S

    def _pulse(self) -> bool:
        """Return whether a trigger pulse came; it is used up."""
        came = self.pulses > 0
        self.pulses -= came
        return came

    @property
    def _other(self) -> bytes:
        """An answer to another question, with its register."""
        return f"{self._identity};0\n".encode()

    def _learn_identity(self) -> None:
        self._identity = f"opioscan emulator,Spektralwerk Core,{self.serial},1.0.0-emulator"
        nm = ",".join(f"{value:.3f}" for value in self.detector.wavelengths)
        step = float(np.abs(np.diff(self.detector.wavelengths)).mean())
        for header, text in (
            ("*IDN?", self._identity),
            ("DEVice:SPECtrometer:ARRay:PCOunt?", str(self.detector.pixels)),
            ("DEVice:SPECtrometer:ARRay:PEAK?", str(self.detector.chip.full_scale)),
            ("DEVice:SPECtrometer:RESolution?", f"{2 * step:.3f}"),
            ("DEVice:SPECtrometer:PIXels:WAVelengths?", nm),
        ):
            self._learn(header, _always(text))
        self._learn("*RST", lambda _: self.setup.reset())

    def _learn_reference(self, name: str) -> None:
        async def acquire(argument: str) -> None:
            averages = int(number_within(argument, 1, 1000)) if argument else 1
            self.references[name] = await self._expose(averages, b"")

        def put(argument: str) -> None:
            parts = argument.strip("[]").split(",")
            if len(parts) != self.detector.pixels:
                raise ScpiError(*ILLEGAL_VALUE)
            self.references[name] = np.array([number_within(part, -1e9, 1e9) for part in parts])

        def get(_: str) -> str:
            reference = self.references[name]
            if reference is None:
                raise ScpiError(*EXECUTION)
            return ",".join(f"{value:.9g}" for value in reference)

        self._scpi.learn(f"{_REFERENCE}{name}:ACQuire", acquire)
        self._learn(f"{_REFERENCE}{name}:SET", put)
        self._learn(f"{_REFERENCE}{name}?", get)

    def _learn(
        self, header: str, handler: Callable[[str], str | None] | Callable[[str], Awaitable[str | None]]
    ) -> None:
        async def handle(argument: str) -> str | None:
            answer = handler(argument)
            return await answer if isinstance(answer, Awaitable) else answer

        self._scpi.learn(header, handle)

    def _spectrum_query(self, kind: str) -> Callable[[str], Awaitable[str]]:
        async def query(_: str) -> str:
            spectrum = await self._spectrum(kind)
            if kind == "set" and self.setup.words["FORMat"] == "cobs_int16":
                raise ScpiError(*EXECUTION)
            if kind == "set":
                layout = self.setup.words["FORMat"]
                self.detector.truth.note(as_sent(spectrum, layout))
                return formatted(spectrum, layout).decode("ascii")
            self.detector.truth.note(spectrum)
            return ",".join([f"{time.monotonic():.6f}", *(f"{value:.9g}" for value in spectrum)])

        return query


def _always(text: str) -> Callable[[str], str]:
    return lambda _: text


async def serve_spektralwerk(device: Spektralwerk, wire: Wire) -> None:
    """Answer the one line of a connection."""
    data = b""
    while b"\n" not in data:
        more = await wire.read_within(LINE_WAIT_S)
        if not more or len(data) > MAX_LINE:
            return
        data += more
    line = data.partition(b"\n")[0].decode("ascii", "replace")
    async with device.lock:
        try:
            await device.serve_line(line, wire)
        except ClientGone:
            return
