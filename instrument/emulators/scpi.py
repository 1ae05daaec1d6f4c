"""A small SCPI instrument: header matching, status register, error queue, joined messages.

Conventions: IEEE 488.2 and SCPI-99 (short form = the upper-case letters; a header is the short or the whole
form, in any case; ``;`` joins messages; a common command leaves the path alone).
"""

import re
from collections import deque
from collections.abc import Awaitable, Callable

MAX_ERRORS = 16
_NO_ERROR = '0,"No error"'
# Bit of the event status register for each class of error number, IEEE 488.2.
_POWER_ON = 0x80
_STATUS_BITS = {1: 5, 2: 4, 3: 3, 4: 2}

Handler = Callable[[str], Awaitable[str | None]]


class ScpiError(Exception):
    """An error of the instrument, for its queue."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f'{code},"{text}"')
        self.code = code


OUT_OF_RANGE = (-222, "Data out of range")
ILLEGAL_VALUE = (-224, "Illegal parameter value")
DATA_TYPE = (-104, "Data type error")
EXECUTION = (-200, "Execution error")


def header_pattern(header: str) -> re.Pattern[str]:
    """Return the pattern of a header written with its short forms in upper case, ``[:NEXT]`` optional."""
    nodes = []
    for node in header.rstrip("?").split(":"):
        optional = node.endswith("]")
        name = node.strip("[]")
        short = re.match(r"[*A-Z0-9]+", name)
        forms = "|".join(re.escape(form) for form in {name, short.group() if short else name})
        nodes.append(f"(?::(?:{forms}))?" if optional else f":(?:{forms})")
    end = r"\?" if header.endswith("?") else ""
    return re.compile("".join(nodes) + end, re.IGNORECASE)


class ScpiInterpreter:
    """Carry out lines of SCPI messages; commands are added with `learn`."""

    def __init__(self) -> None:
        self._handlers: list[tuple[re.Pattern[str], Handler]] = []
        self._errors: deque[str] = deque(maxlen=MAX_ERRORS)
        self._status = _POWER_ON
        self.learn("*CLS", self._clear)
        self.learn("*ESR?", self._read_status)
        self.learn("*OPC?", _answering("1"))
        self.learn("*WAI", _nothing)
        self.learn("*STB?", _answering("0"))
        self.learn("*TST?", _answering("0"))
        self.learn("SYSTem:ERRor:[NEXT]?", self._next_error)

    def learn(self, header: str, handler: Handler) -> None:
        """Add a command or, with a final ``?``, a query."""
        self._handlers.append((header_pattern(header), handler))

    def note(self, error: ScpiError) -> None:
        """Queue an error and set its bit in the status register."""
        if len(self._errors) == MAX_ERRORS:
            self._errors[-1] = '-350,"Queue overflow"'
        else:
            self._errors.append(str(error))
        self._status |= 1 << _STATUS_BITS.get(-error.code // 100, 3)

    def power_on(self) -> None:
        """Be as after power-on: nothing in the queue, and the register says why."""
        self._errors.clear()
        self._status = _POWER_ON

    def refusal(self, code: int | None) -> bytes:
        """Queue an error as if the last line had made it, and return the register that tells of it."""
        self.note(ScpiError(*EXECUTION) if code is None else ScpiError(code, "Error"))
        status, self._status = self._status, 0
        return f"{status}\n".encode()

    async def line(self, line: str) -> list[str]:
        """Carry out the messages of one line and return the answers of its queries, in order."""
        answers: list[str] = []
        path = ""
        for message in line.split(";"):
            if not message.strip():
                continue
            header, _, argument = message.strip().partition(" ")
            try:
                handler, path = self._find(header, path)
                answer = await handler(argument.strip())
            except ScpiError as error:
                self.note(error)
                continue
            if answer is not None:
                answers.append(answer)
        return answers

    def _find(self, header: str, path: str) -> tuple[Handler, str]:
        rooted = header if header.startswith(":") else f":{header}"
        candidates = [rooted]
        if not header.startswith((":", "*")) and path:
            candidates.append(path + rooted)
        for candidate in candidates:
            for pattern, handler in self._handlers:
                if pattern.fullmatch(candidate):
                    return handler, path if header.startswith("*") else candidate.rpartition(":")[0]
        raise ScpiError(-113, "Undefined header")

    async def _clear(self, _: str) -> None:
        self._errors.clear()
        self._status = 0

    async def _read_status(self, _: str) -> str:
        status, self._status = self._status, 0
        return str(status)

    async def _next_error(self, _: str) -> str:
        return self._errors.popleft() if self._errors else _NO_ERROR


async def _nothing(_: str) -> None:
    return None


def _answering(text: str) -> Handler:
    async def answer(_: str) -> str:
        return text

    return answer


def number_within(text: str, low: float, high: float) -> float:
    """Return a number of a command; raises `ScpiError` for other text or a number outside low..high."""
    try:
        value = float(text)
    except ValueError:
        raise ScpiError(*DATA_TYPE) from None
    if not low <= value <= high:
        raise ScpiError(*OUT_OF_RANGE)
    return value
