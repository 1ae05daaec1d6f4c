"""Find out what answers at a port or a host: questions only, nothing is set and nothing switched.

Each family is asked what it is in its own protocol, with a short time-out; an answer that is not exactly of
that protocol counts as none. Sources of the questions: those of the drivers.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from .errors import InstrumentError, PortBusy, PortNotFound
from .obp_frames import FrameParser, Message, MessageType, encode
from .transport.serial_port import SerialStream
from .transport.stream import WireStream, deadline_in
from .transport.tcp import TcpStream

#: How long one question may stay without an answer, s: 64 bytes there and back take 0.13 s at 9600 baud.
ANSWER_S = 0.5
#: Line speeds at which serial spectrometers are looked for: after power-up, and raised.
OBP_BAUDS = (9600, 115200)
#: A device has said by then what it thinks of a line it does not understand, s: chosen.
SETTLE_S = 0.1
_LASER_BAUD = 115200
_MAX_LINE = 256
_PORTS = {"obp": 57357, "spektralwerk": 5025, "ftsw500": 7778, "opus": 80}

#: USB product number → model; python-seabreeze ``devices.py`` and the vendor's library.
_PRODUCTS = {0x4000: "STS", 0x4200: "Spark", 0x4004: "QEPro", 0x5000: "Ventana", 0x2001: "FX", 0x2003: "HDX"}
_COBOLT_MODEL = re.compile(r"\d{4}-\d{2}-[\w-]*")


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered."""

    kind: str
    """``spectrometer``, ``laser``, or ``unit`` for a spectrometer that contains its laser."""
    url: str
    """URL to open it by."""
    model: str
    """As it says it."""
    serial: str
    """As it says it; empty where it does not."""
    needs: tuple[str, ...] = ()
    """Parameters a person has to add to the URL."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A port at which nothing known answered."""

    port: str
    """The port."""
    why: str
    """What stood in the way; empty where simply nothing answered."""


def look_at_serial(paths: Iterable[str]) -> Iterator[Found | Silent]:
    """Ask what is at serial ports, one after another."""
    for path in paths:
        yield _look(path, _serial_questions(path))


def look_at_host(host: str, port: int | None = None) -> Iterator[Found | Silent]:
    """Ask what is at a host, at the known ports of all families, or at one port in all their languages."""
    for family, ask in _NETWORK.items():
        number = _PORTS[family] if port is None else port
        found = _look(f"{host}:{number}", [_at_host(ask, host, number)])
        if isinstance(found, Found):
            yield found
            if port is not None:
                return
    if port is not None:
        yield Silent(f"{host}:{port}", "")


Question = Callable[[], Found | None]


def _look(name: str, questions: Iterable[Question]) -> Found | Silent:
    for question in questions:
        try:
            found = question()
        except (PortBusy, PortNotFound) as error:
            return Silent(name, str(error))
        except InstrumentError:
            # An answer that is not of this protocol: another one may fit.
            continue
        if found is not None:
            return found
    return Silent(name, "")


def _serial_questions(path: str) -> Iterator[Question]:
    def at(baud: int, ask: Callable[[WireStream, str], Found | None], rest: str = "") -> Question:
        def question() -> Found | None:
            with SerialStream(path, baud) as stream:
                return ask(stream, f"{path}{rest}")

        return question

    yield at(_LASER_BAUD, _ask_cobolt)
    yield at(_LASER_BAUD, _ask_ips)
    for baud in OBP_BAUDS:
        yield at(baud, _ask_obp, f"?baud={baud}")


def _at_host(ask: Callable[[WireStream, str, int], Found | None], host: str, port: int) -> Question:
    def question() -> Found | None:
        with TcpStream(host, port) as stream:
            return ask(stream, host, port)

    return question


def _ask_cobolt(stream: WireStream, path: str) -> Found | None:
    serial, model = _line(stream, b"sn?\r"), _line(stream, b"glm?\r")
    if not serial or not _COBOLT_MODEL.fullmatch(model):
        return None
    return Found("laser", f"cobolt+serial://{path}", model, serial)


def _ask_ips(stream: WireStream, path: str) -> Found | None:
    # What others were asked before stands in its line still.
    stream.write(b"\n", deadline=deadline_in(ANSWER_S))
    stream.drain(SETTLE_S)
    fields = [field.strip() for field in _line(stream, b"*IDN?\n").split(",")]
    if len(fields) != 5 or fields[0].upper() != "IPS":
        return None
    url = f"visa://ASRL{path}::INSTR?driver=ips"
    return Found("laser", url, f"{fields[0]} {fields[1]} {fields[3]}", fields[2], ("max_ma", "max_mw"))


def _ask_obp(stream: WireStream, where: str, port: int | None = None) -> Found | None:
    product = _obp_answer(stream, MessageType.ORIGINAL_PRODUCT_ID)
    model = _PRODUCTS.get(int.from_bytes(product, "little")) if len(product) == 2 else None
    if model is None:
        return None
    serial = _obp_answer(stream, MessageType.SERIAL_NUMBER).rstrip(b"\0").decode("ascii", "replace")
    kind = "unit" if model == "Ventana" else "spectrometer"
    if port is not None:
        return Found(kind, f"obp+tcp://{where}:{port}?model={model}", model, serial)
    path, _, rest = where.partition("?")
    speed = "" if rest == f"baud={OBP_BAUDS[0]}" else f"&{rest}"
    return Found(kind, f"obp+serial://{path}?model={model}{speed}", model, serial)


def _ask_spektralwerk(stream: WireStream, host: str, port: int) -> Found | None:
    fields = [field.strip() for field in _line(stream, b"*IDN?\n").split(",")]
    if len(fields) != 4 or "spektralwerk" not in fields[1].lower():
        return None
    url = f"visa://TCPIP0::{host}::{port}::SOCKET?driver=spektralwerk"
    return Found("spectrometer", url, f"{fields[0]} {fields[1]}", fields[2])


def _ask_ftsw500(stream: WireStream, host: str, port: int) -> Found | None:
    if not re.fullmatch(r"ACK&-?[0-3]", _line(stream, b"getFTSW500State\n")):
        return None
    url = f"visa://TCPIP0::{host}::{port}::SOCKET?driver=ftsw500"
    return Found("spectrometer", url, "ABB FTSW500", "", ("folder",))


def _ask_opus(stream: WireStream, host: str, port: int) -> Found | None:
    request = f"GET /opusrs/stat.htm HTTP/1.0\r\nHost: {quote(host)}\r\n\r\n".encode("ascii")
    stream.write(request, deadline=deadline_in(ANSWER_S))
    page = stream.read_until(b'id="STATUS"', limit=1 << 14, deadline=deadline_in(4 * ANSWER_S))
    if not page.startswith(b"HTTP/1."):
        return None
    return Found("spectrometer", f"opus+http://{host}:{port}/opusrs", "Bruker OPUS", "", ("folder",))


_NETWORK: dict[str, Callable[[WireStream, str, int], Found | None]] = {
    "obp": _ask_obp,
    "spektralwerk": _ask_spektralwerk,
    "ftsw500": _ask_ftsw500,
    "opus": _ask_opus,
}


def _line(stream: WireStream, question: bytes) -> str:
    """Ask a question and return the first line of the answer, printable ASCII; empty for none."""
    with suppress(InstrumentError):
        stream.drain(0.02)
    stream.write(question, deadline=deadline_in(ANSWER_S))
    raw = stream.read_until(b"\n", limit=_MAX_LINE, deadline=deadline_in(ANSWER_S))
    text = raw.decode("ascii", "replace").strip()
    return text if text.isascii() and text.isprintable() and "error" not in text.lower() else ""


def _obp_answer(stream: WireStream, kind: MessageType) -> bytes:
    """Ask a question in frames and return the operand of its answer; empty where it is refused."""
    with suppress(InstrumentError):
        stream.drain(0.02)
    number = secrets.randbits(31)
    stream.write(encode(Message(kind, regarding=number)), deadline=deadline_in(ANSWER_S))
    parser, end = FrameParser(), deadline_in(ANSWER_S)
    while data := stream.receive(1 << 12, wait_s=max(0.0, end - deadline_in(0.0))):
        for event in parser.feed(data):
            if isinstance(event, Message) and (event.type, event.regarding) == (kind, number):
                return b"" if event.error else event.operand
    return b""
