"""An emulated Spektralwerk Core: a near-infrared spectrometer that speaks SCPI over TCP.

Command tree and formats: the maker's documentation (en.silicann.com, "Spektralwerk Core SCPI API") and its
client ``spektralwerk_scpi_client``. One line per connection: the device answers and hangs up.
"""

import asyncio
import base64
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np

from spectra.values import FloatArray

from .cobs import cobs_encode
from .detector import Detector
from .physics import Chip
from .scpi import EXECUTION, ILLEGAL_VALUE, ScpiError, ScpiInterpreter, header_pattern, number_within
from .wire import Wire

CHIP = Chip(
    full_scale=65535, electrons_per_count=20.0, bias=1500.0, read_noise=300.0, dark_rate=2e4, pattern=15.0
)
#: Longest line believed, bytes; a dark reference of 4096 pixels fits.
MAX_LINE = 1 << 16
#: During a long exposure an empty item tells the client that the device is alive, s.
KEEP_ALIVE_S = 1.0
#: A client that sends no whole line for so long is hung up on, s.
LINE_WAIT_S = 10.0

_CONFIG = "MEASure:SPECtrum:CONFig:"
_REFERENCE = "MEASure:SPECtrum:REFerence:"
_REQUEST = header_pattern("MEASure:SPECtrum:REQuest?")
_STEPS = ("none", "average", "binning", "reference_dark", "roi")
_FORMATS = ("human", "base64_float", "base64_int16", "cobs_int16")
# Setting: (smallest, largest, default, unit). Limits are the emulator's own.
_NUMBERS: dict[str, tuple[float, float, float, str]] = {
    "EXPosure:TIME": (100, 10_000_000, 20_000, "us"),
    "AVERage:NUMBer": (1, 1000, 1, ""),
    "BINNing:WIDTh": (1, 64, 1, ""),
    "COUNt": (0, 1_000_000, 1, ""),
}


class ClientGone(Exception):
    """The client hung up during an exposure."""


class Spektralwerk:
    """State of the instrument; it serves one connection at a time."""

    def __init__(self, serial: str, detector: Detector) -> None:
        self.serial, self.detector = serial, detector
        self.numbers = {name: default for name, (_, _, default, _) in _NUMBERS.items()}
        self.words = {"FORMat": "human", "TRIGger": "none", "PROCessing": "none"}
        self.roi = (0, detector.pixels - 1)
        self.references: dict[str, FloatArray | None] = {"DARK": None, "LIGHt": None}
        self.lock = asyncio.Lock()
        self._wire: Wire | None = None
        self._scpi = ScpiInterpreter()
        self._learn_identity()
        self._learn_settings()
        for name in self.references:
            self._learn_reference(name)
        for query, kind in (("REQuest:RAW?", "raw"), ("SAMPle:RAW:AVERaged?", "mean"), ("REQuest?", "set")):
            self._learn(f"MEASure:SPECtrum:{query}", self._spectrum_query(kind))

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
        binary = self.words["FORMat"] == "cobs_int16"
        count, given = int(self.numbers["COUNt"]), 0
        while count == 0 or given < count:
            spectrum = await self._spectrum("set", keep_alive=b"\0" if binary else b";")
            yield self._formatted(spectrum) + (b"\0" if binary else b";")
            given += 1

    async def _spectrum(self, kind: str, *, keep_alive: bytes = b"") -> FloatArray:
        """Expose and return a spectrum: ``raw``, ``mean`` (of raw ones), or as configured (``set``)."""
        steps = self.words["PROCessing"].split(",") if kind == "set" else []
        averaging = kind == "mean" or "average" in steps
        counts = await self._expose(int(self.numbers["AVERage:NUMBer"]) if averaging else 1, keep_alive)
        dark = self.references["DARK"]
        if "reference_dark" in steps and dark is not None:
            counts = counts - dark
        if "roi" in steps:
            counts = counts[self.roi[0] : self.roi[1] + 1]
        width = int(self.numbers["BINNing:WIDTh"])
        if "binning" in steps and width > 1:
            counts = counts[: counts.size // width * width].reshape(-1, width).mean(axis=1)
        return counts

    async def _expose(self, averages: int, keep_alive: bytes) -> FloatArray:
        exposure = self.detector.begin(self.numbers["EXPosure:TIME"] * 1e-6, averages)
        end = time.monotonic() + exposure.real_s
        alive = time.monotonic() + KEEP_ALIVE_S
        while self._wire is not None and (left := end - time.monotonic()) > 0:
            if await self._wire.read_within(min(left, KEEP_ALIVE_S)) == b"":
                raise ClientGone
            if keep_alive and time.monotonic() >= alive:
                await self._wire.send(keep_alive)
                alive += KEEP_ALIVE_S
        return self.detector.finish(exposure)

    def _formatted(self, counts: FloatArray) -> bytes:
        layout, now_ns = self.words["FORMat"], time.monotonic_ns()
        if layout == "human":
            return ",".join([f"{now_ns * 1e-9:.6f}", *(f"{value:.9g}" for value in counts)]).encode("ascii")
        whole = np.clip(np.rint(counts), 0, 65535).astype("<u2")
        data = counts.astype("<f4") if layout == "base64_float" else whole
        packed = struct.pack("<Q", now_ns // 1000) + data.tobytes()
        return cobs_encode(packed) if layout == "cobs_int16" else base64.b64encode(packed)

    def _learn_identity(self) -> None:
        nm = ",".join(f"{value:.3f}" for value in self.detector.wavelengths)
        step = float(np.abs(np.diff(self.detector.wavelengths)).mean())
        for header, text in (
            ("*IDN?", f"opioscan emulator,Spektralwerk Core,{self.serial},1.0.0-emulator"),
            ("DEVice:SPECtrometer:ARRay:PCOunt?", str(self.detector.pixels)),
            ("DEVice:SPECtrometer:ARRay:PEAK?", str(self.detector.chip.full_scale)),
            ("DEVice:SPECtrometer:RESolution?", f"{2 * step:.3f}"),
            ("DEVice:SPECtrometer:PIXels:WAVelengths?", nm),
        ):
            self._learn(header, _always(text))
        self._learn("*RST", self._reset)

    def _learn_settings(self) -> None:
        for name, (low, high, default, unit) in _NUMBERS.items():
            self._learn(f"{_CONFIG}{name}", self._number_setter(name))
            self._learn(f"{_CONFIG}{name}?", lambda _, name=name: f"{self.numbers[name]:.0f}")
            for suffix, value in (("MINimum", low), ("MAXimum", high), ("DEFault", default)):
                self._learn(f"{_CONFIG}{name}:{suffix}?", _always(f"{value:.0f}"))
            self._learn(f"{_CONFIG}{name}:UNIT?", _always(unit))
        for name, allowed, joined in (
            ("FORMat", _FORMATS, False),
            ("TRIGger", ("none",), False),
            ("PROCessing", _STEPS, True),
        ):
            self._learn(f"{_CONFIG}{name}", self._word_setter(name, allowed, joined=joined))
            self._learn(f"{_CONFIG}{name}?", lambda _, name=name: self.words[name])
        self._learn(f"{_CONFIG}ROI", self._set_roi)
        self._learn(f"{_CONFIG}ROI?", lambda _: f"{self.roi[0]},{self.roi[1]}")

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
            if kind == "set" and self.words["FORMat"] == "cobs_int16":
                raise ScpiError(*EXECUTION)
            if kind == "set":
                return self._formatted(spectrum).decode("ascii")
            return ",".join([f"{time.monotonic():.6f}", *(f"{value:.9g}" for value in spectrum)])

        return query

    def _number_setter(self, name: str) -> Callable[[str], None]:
        low, high = _NUMBERS[name][:2]

        def put(argument: str) -> None:
            self.numbers[name] = float(round(number_within(argument, low, high)))

        return put

    def _word_setter(self, name: str, allowed: tuple[str, ...], *, joined: bool) -> Callable[[str], None]:
        def put(argument: str) -> None:
            words = [word.strip().lower() for word in argument.split(",")] if joined else [argument.lower()]
            if not set(words or ["none"]) <= {*allowed, *([""] if joined else [])}:
                raise ScpiError(*ILLEGAL_VALUE)
            self.words[name] = ",".join(word for word in words if word) or "none"

        return put

    def _set_roi(self, argument: str) -> None:
        first, _, last = argument.partition(",")
        top = self.detector.pixels - 1
        start = int(number_within(first, 0, top))
        self.roi = (start, int(number_within(last, start, top)))

    def _reset(self, _: str) -> None:
        self.numbers = {name: default for name, (_, _, default, _) in _NUMBERS.items()}
        self.words = {"FORMat": "human", "TRIGger": "none", "PROCessing": "none"}
        self.roi = (0, self.detector.pixels - 1)


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
            async for piece in device.answer(line, wire):
                await wire.reply(piece)
        except ClientGone:
            return
