"""Several spectra in one go, taken into the device's own buffer and read out afterwards.

Order of the messages (unproven on hardware): switch buffering on, clear, say how many, start, count until all
are there, stop, read. Devices that do not know one of the switches are taken to buffer anyway.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from spectra.values import FloatArray

from ..errors import (
    AcquisitionAborted,
    DeviceTimeout,
    InstrumentError,
    ProtocolError,
    SettingOutOfRange,
)
from ..interfaces import StopCheck
from ..obp_frames import MessageType
from ..transport.stream import deadline_in
from .obp_buffer import FAST_CHECKSUM, FAST_METADATA, fast_spectra
from .obp_link import ObpLink
from .obp_models import ObpModel
from .obp_refusals import ABSENT
from .obp_wire import STOP_INTERVAL_S

#: Largest number of spectra taken in one go: chosen.
MAX_SPECTRA = 256
#: Spectra asked for in one message: chosen, so that it is short enough for any device.
_AT_ONCE = 8

#: Reads the oldest spectrum of the buffer.
ReadOne = Callable[[], FloatArray]


def take_many(
    link: ObpLink, model: ObpModel, count: int, *, exposure_s: float, stop: StopCheck, read_one: ReadOne
) -> list[FloatArray]:
    """Have the device take spectra into its buffer, and read them.

    Parameters
    ----------
    count
        How many.
    exposure_s
        Time of one spectrum, with averaging and delay, s.
    stop
        Asked at least every 50 ms while the device exposes, and between two spectra.
    read_one
        Reads the oldest spectrum, on models that give one at a time.

    Raises
    ------
    SettingOutOfRange
        Fewer than one, or more than `MAX_SPECTRA`; nothing was sent.
    AcquisitionAborted
        ``stop`` said so; what is in the buffer is thrown away before the next spectrum.
    DeviceTimeout
        They were not there in time.
    """
    if not 1 <= count <= MAX_SPECTRA:
        raise SettingOutOfRange(f"{link.name}: {count} spectra at once; 1 to {MAX_SPECTRA} are possible")
    try:
        _start(link, count)
        link.keep_busy(count * exposure_s)
        _wait_for(link, count, exposure_s, stop)
        link.abort()
        if model.buffer is MessageType.BUFFERED_RAW_SPECTRA:
            found = _read_fast(link, model, count, stop)
        else:
            found = [_unless(stop, link, read_one) for _ in range(count)]
        _leave(link)
    except InstrumentError:
        # What went wrong first is what is told.
        with suppress(InstrumentError):
            link.abort()
            _leave(link)
        raise
    return found


def _start(link: ObpLink, count: int) -> None:
    link.offer(MessageType.SET_BUFFERING, b"\x01", absent=ABSENT)
    link.command(MessageType.CLEAR_BUFFER)
    link.offer(MessageType.SET_BACK_TO_BACK, count.to_bytes(4, "little"), absent=ABSENT)
    link.offer(MessageType.ACQUIRE_INTO_BUFFER, absent=ABSENT)


def _leave(link: ObpLink) -> None:
    link.offer(MessageType.SET_BACK_TO_BACK, (1).to_bytes(4, "little"), absent=ABSENT)
    link.offer(MessageType.SET_BUFFERING, b"\x00", absent=ABSENT)


def _wait_for(link: ObpLink, count: int, exposure_s: float, stop: StopCheck) -> None:
    end = deadline_in(count * exposure_s + link.margin_s)
    while (there := _buffered(link)) < count:
        if stop():
            raise AcquisitionAborted(f"{link.name}: stopped while {count} spectra were taken")
        if time.monotonic() > end:
            raise DeviceTimeout(f"{link.name}: {there} of {count} spectra in time")
        time.sleep(STOP_INTERVAL_S)


def _buffered(link: ObpLink) -> int:
    data = link.query(MessageType.BUFFERED_COUNT)
    if len(data) != 4:
        raise ProtocolError(f"{link.name}: a number of buffered spectra of {len(data)} bytes")
    return int.from_bytes(data, "little")


def _unless(stop: StopCheck, link: ObpLink, read_one: ReadOne) -> FloatArray:
    if stop():
        raise AcquisitionAborted(f"{link.name}: stopped while spectra were read")
    return read_one()


def _read_fast(link: ObpLink, model: ObpModel, count: int, stop: StopCheck) -> list[FloatArray]:
    size = FAST_METADATA + 2 * model.pixels + FAST_CHECKSUM
    found: list[FloatArray] = []
    while len(found) < count:
        n = min(count - len(found), _AT_ONCE)
        data = link.acquire(
            MessageType.BUFFERED_RAW_SPECTRA,
            n.to_bytes(4, "little"),
            exposure_s=0.0,
            size=n * size,
            stop=stop,
        )
        found += fast_spectra(data, n, pixels=model.pixels, name=link.name)
    return found
