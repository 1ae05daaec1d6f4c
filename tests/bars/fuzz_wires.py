"""Fuzz targets: what devices answer."""

import struct
from collections.abc import Callable

from fuzz_dialogue import Device
from fuzz_target import Target, target


@target("OBP frames")
def obp_frames() -> Target:
    """Frames in any pieces; the events must not depend on how the bytes were cut."""
    from instrument.obp_frames import ChecksumType, FrameParser, Message, encode

    frames = [
        encode(Message(0x00000100, b"EMU-STS-0001", checksum=ChecksumType.MD5, regarding=7)),
        encode(Message(0x00101000, bytes(range(64)), regarding=8)),
        encode(Message(0x00110000, b"\x10\x27\0\0")),
    ]

    def parse(data: bytes) -> None:
        whole = FrameParser(max_payload=1 << 16)
        events = whole.feed(data)
        pieces, found = FrameParser(max_payload=1 << 16), []
        size = 1 + len(data) % 61
        for start in range(0, len(data), size):
            found += pieces.feed(data[start : start + size])
        if found != events:
            raise AssertionError("the events depend on how the bytes were cut")
        if whole.pending > len(data) or pieces.pending != whole.pending:
            raise AssertionError("more is kept than came")

    return Target((*frames, b"".join(frames), b"noise" + frames[0][:50] + frames[1]), parse, ())


@target("wire transcript")
def transcript() -> Target:
    """Records of a conversation, read back link by link."""
    from instrument.errors import InstrumentError
    from instrument.transport.transcript import read_transcript

    return Target(records(), read_transcript, (InstrumentError,))


@target("bench transcript")
def bench_transcript() -> Target:
    """Records of spectrometer and laser together."""
    from instrument.errors import InstrumentError
    from instrument.raman_bench import split_transcript

    one, other = records()
    whole = b'{"source":"spectrometer","url":"obp+serial:///dev/ttyUSB0"}\n' + one
    whole += b'{"source":"laser","url":"cobolt+serial:///dev/ttyUSB1"}\n' + other
    return Target((whole,), split_transcript, (InstrumentError,))


@target("OPUS pages")
def opus_pages() -> Target:
    """HTTP replies of OPUS, and the pages in them."""
    from instrument.drivers.opus_pages import body_of, parse_page
    from instrument.errors import InstrumentError

    page = b'<html><body><table><tr><td id="STATUS">2</td><td id="TEXT">Connected</td></tr></table></body></html>'
    failed = page.replace(b"</tr>", b'<td id="ERRCODE">7</td><td id="ERRTEXT">no &amp; gas</td></tr>')
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
        len(page),
        page,
    )
    seeds = (head % len(page) + page, head % len(failed) + failed, chunked, b"HTTP/1.0 200 OK\n\n" + page)

    def parse(data: bytes) -> None:
        body_of(data[: len(data) // 2], closed=False)
        body = body_of(data, closed=True)
        if body is None:
            raise AssertionError("more is waited for than can come")
        parse_page(body)

    return Target(seeds, parse, (InstrumentError,))


@target("Spektralwerk spectra")
def spektralwerk_spectra() -> Target:
    """Spectra in words, Base64 and COBS."""
    import base64

    from instrument.drivers.spektralwerk_formats import FORMATS, decode
    from instrument.emulators.cobs import cobs_encode
    from instrument.errors import InstrumentError

    floats = struct.pack("<Q4f", 12_345_678, 1.0, 2.0, 3.0, 4.0)
    counts = struct.pack("<Q4H", 12_345_678, 1, 0, 3, 65535)
    bodies = (
        b"12.345678,1,2,3.5,4e3",
        base64.b64encode(floats),
        base64.b64encode(counts),
        cobs_encode(counts),
    )
    seeds = tuple(bytes([number]) + body for number, body in enumerate(bodies))

    def parse(data: bytes) -> None:
        decode(data[1:], FORMATS[(data or b"\0")[0] % len(FORMATS)], 4)

    return Target(seeds, parse, (InstrumentError,))


@target("Spektralwerk answers")
def spektralwerk_answers() -> Target:
    """SCPI answers with their error register, error messages, limits and axis."""
    from instrument.drivers.spektralwerk_device import read_axis, read_facts, read_identity
    from instrument.drivers.spektralwerk_link import SpektralwerkLink
    from instrument.drivers.spektralwerk_setup import read_setup, setup_questions
    from instrument.errors import DeviceTimeout, InstrumentError
    from instrument.interfaces import StopCheck
    from instrument.transport.visa_line import VisaLine

    class Line(VisaLine):
        """A device with one answer to everything."""

        answer = b""

        def _converse(
            self,
            line: str,
            whole: Callable[[bytearray], bytes | None],
            timeout_s: float,
            limit: int,
            stop: StopCheck,
        ) -> bytes:
            found = whole(bytearray(self.answer)) if len(self.answer) <= limit else None
            if found is None:
                raise DeviceTimeout("fuzzed: no whole answer")
            return found

    line = Line("TCPIP0::fuzzed::5025::SOCKET")
    link = SpektralwerkLink(line)
    count = len(setup_questions())
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_identity(link),
        lambda: read_facts(link),
        lambda: read_axis(link, 4),
        link.errors,
        lambda: read_setup(1000, link.ask(*["x?"] * count), 256),
        lambda: link.command("x 1"),
    )
    bodies = (
        b"Silicann,Spektralwerk Core,EMU-1,1.0-emulator;0\n",
        b"256;65535;10;10000000;us;0\n",
        b"900.5,901,902,903;0\n",
        b'0,"No error"\n',
        b"1;1;0,255;NONE;human;none;1;0\n",
        b"0\n",
    )
    seeds = tuple(bytes([number]) + body for number, body in enumerate(bodies))

    def parse(data: bytes) -> None:
        line.answer = data[1:]
        readers[(data or b"\0")[0] % len(readers)]()

    # One answer to everything is not enough of a device for each of the readers.
    return Target((), parse, (InstrumentError,), extra=seeds)


@target("OBP answers")
def obp_answers() -> Target:
    """Operands in good frames, as an STS gives them, one of them another one."""
    from instrument.drivers import obp_facts
    from instrument.drivers.obp_buffer import Metadata, counts_of, fast_spectra
    from instrument.drivers.obp_link import ObpLink
    from instrument.errors import InstrumentError
    from instrument.obp_frames import Flag, FrameParser, Message, MessageType, encode

    parser, operand = FrameParser(), b""

    def answer(data: bytes) -> bytes:
        (request,) = parser.feed(data)
        assert isinstance(request, Message)
        flags = Flag.RESPONSE | (Flag.ACK if request.flags & Flag.ACK_REQUESTED else Flag(0))
        return encode(Message(request.type, operand, flags, regarding=request.regarding))

    device = Device(answer)
    link = ObpLink(device.open, margin_s=5.0)
    readers: tuple[tuple[Callable[[], object], bytes], ...] = (
        (lambda: obp_facts.wavelength_coefficients(link), b""),
        (lambda: obp_facts.nonlinearity_coefficients(link, 1), struct.pack("<f", 1.0)),
        (
            lambda: obp_facts.dark_pixels(link, MessageType.OPTICAL_DARK_PIXELS, 1024),
            struct.pack("<2I", 0, 3),
        ),
        (lambda: obp_facts.temperatures(link), struct.pack("<2f", 24.5, 30.0)),
        (lambda: link.query(MessageType.SERIAL_NUMBER, size=64), b"EMU-STS-0001"),
        (lambda: Metadata.of(operand.ljust(32, b"\0")), bytes(32)),
        (lambda: counts_of(operand, offset=0, pixels=8, dtype="<u2", name="fuzzed"), bytes(16)),
        (lambda: fast_spectra(operand, 1, pixels=8, name="fuzzed"), bytes(64 + 16 + 4)),
        (lambda: obp_facts.polynomial_axis(_floats(operand), 16), struct.pack("<4d", 800, 0.2, -6e-6, 0)),
    )

    def parse(data: bytes) -> None:
        nonlocal operand
        operand = data[1:]
        device.begin()
        readers[(data or b"\0")[0] % len(readers)][0]()

    seeds = tuple(bytes([number]) + good for number, (_, good) in enumerate(readers) if good)
    return Target(seeds, parse, (InstrumentError,))


def _floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 8}d", data[: len(data) // 8 * 8]) or (0.0,)


def records() -> tuple[bytes, bytes]:
    """Return a whole record and one that has lost its beginning."""
    from instrument.transport.transcript import Transcript

    full, short = Transcript(), Transcript(limit=8)
    for record in (full, short):
        for direction, data in (("w", b"sn?\r"), ("r", b"12345\r\n"), ("w", b"l0\r"), ("r", b"OK\r\n")):
            record.record(direction, data)
        record.note("port opened again")
    return full.to_bytes(), short.to_bytes()
