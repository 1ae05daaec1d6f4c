"""Questions to a Spektralwerk Core within the error discipline of its maker's client.

It closes the connection after every line, so each goes out as ``*CLS;<question>;*ESR?`` and is complete in
itself: no answer can come late. A register that is not zero means an error in the queue.
"""

from ..errors import (
    DeviceNotReady,
    DeviceRefused,
    HardwareFault,
    InstrumentError,
    ProtocolError,
    SettingOutOfRange,
)
from ..interfaces import StopCheck, never_stop
from ..transport.visa_line import VisaLine
from .spektralwerk_formats import StampedSpectrum, decode, separator, size_limit

#: What a healthy device may take beyond the exposure, s; as long as the maker's client waits.
MARGIN_S = 2.0
_SHORT = 4096
#: Most errors fetched from the queue.
_MAX_ERRORS = 32
#: SCPI 1999, 21.8: data out of range, illegal parameter value.
_RANGE = frozenset({-222, -224})
#: Trigger, arm or init ignored: it is busy.
_BUSY = frozenset({-211, -212, -213, -214})
_STREAM = "MEASure:SPECtrum:REQuest?"


class SpektralwerkLink:
    """One conversation with one device.

    Parameters
    ----------
    line
        Question and answer, one line a connection.
    """

    def __init__(self, line: VisaLine) -> None:
        self._line = line
        self.name = line.name
        self.transcript = line.transcript

    def close(self) -> None:
        """Ask no more; between two questions there is no connection to let go of."""
        self._line.close()

    def ask(
        self, *questions: str, extra_s: float = 0.0, limit: int = _SHORT, stop: StopCheck = never_stop
    ) -> list[str]:
        """Ask on one line and return one answer a question.

        Raises
        ------
        SettingOutOfRange, DeviceNotReady, HardwareFault, DeviceRefused
            The device has an error in its queue, by its number.
        ProtocolError
            Not as many answers as questions.
        DeviceTimeout, ConnectionLost, PortNotFound
            The wire failed.
        """
        text = self._disciplined(";".join(questions), extra_s, limit, stop)
        answers = text.split(";")
        if len(answers) != len(questions):
            raise ProtocolError(f"{self.name}: {len(answers)} answers to {len(questions)} questions")
        return [answer.strip() for answer in answers]

    def command(self, *commands: str, extra_s: float = 0.0) -> None:
        """Command on one line, and see that the device took it; raises as `ask`."""
        text = self._disciplined(";".join(commands), extra_s, _SHORT, never_stop)
        if text:
            raise ProtocolError(f"{self.name}: {text[:80]!r} in answer to a command")

    def stream_one(self, layout: str, pixels: int, *, extra_s: float, stop: StopCheck) -> StampedSpectrum:
        """Start a stream, return its first spectrum and hang up.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so.
        ProtocolError
            A damaged spectrum.
        DeviceTimeout, ConnectionLost, PortNotFound
            The wire failed.
        """
        item = self._line.ask_stream(
            _STREAM,
            separator=separator(layout),
            timeout_s=MARGIN_S + extra_s,
            limit=size_limit(layout, pixels),
            stop=stop,
        )
        return self.decoded(item, layout, pixels)

    def decoded(self, data: bytes, layout: str, pixels: int) -> StampedSpectrum:
        """Return the spectrum in ``data``; raises `ProtocolError`."""
        try:
            return decode(data, layout, pixels)
        except ProtocolError as error:
            raise ProtocolError(f"{self.name}: {error}") from error

    def errors(self) -> list[tuple[int, str]]:
        """Fetch and return what is in the error queue, oldest first.

        Raises
        ------
        ProtocolError
            No error message, or a queue that does not become empty.
        """
        found: list[tuple[int, str]] = []
        for _ in range(_MAX_ERRORS):
            answer = self._line.ask("SYSTem:ERRor:NEXT?", timeout_s=MARGIN_S, limit=_SHORT)
            code, comma, text = answer.partition(",")
            try:
                number = int(code)
            except ValueError as error:
                raise ProtocolError(f"{self.name}: {answer[:80]!r} is no error message") from error
            if not comma or not -32768 <= number <= 32767:
                raise ProtocolError(f"{self.name}: {answer[:80]!r} is no error message")
            if number == 0:
                return found
            found.append((number, text.strip(' "')))
        raise ProtocolError(f"{self.name}: more than {_MAX_ERRORS} errors in its queue")

    def _disciplined(self, request: str, extra_s: float, limit: int, stop: StopCheck) -> str:
        line = f"*CLS;{request};*ESR?"
        answer = self._line.ask(line, timeout_s=MARGIN_S + extra_s, limit=limit, stop=stop)
        text, _, register = answer.rpartition(";")
        if not (register.isdigit() and len(register) <= 3):
            raise ProtocolError(f"{self.name}: {answer[-40:]!r} in answer to {request[:80]}")
        if int(register) != 0:
            raise self._refusal(request)
        return text

    def _refusal(self, request: str) -> InstrumentError:
        """Return the error for a refused request: the oldest in the queue tells which."""
        errors = self.errors()
        words = ", ".join(f'{code} "{text}"' for code, text in errors) or "and does not say why"
        kind: type[InstrumentError] = DeviceRefused
        if errors:
            code = errors[0][0]
            if code in _RANGE:
                kind = SettingOutOfRange
            elif code in _BUSY:
                kind = DeviceNotReady
            elif -399 <= code <= -310 and code != -350:
                kind = HardwareFault
        return kind(f"{self.name}: the device refused {request[:80]}: {words}")
