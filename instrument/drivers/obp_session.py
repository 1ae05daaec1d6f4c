"""A device found, known by its serial number, and brought back to its settings after every failure."""

from collections.abc import Callable
from contextlib import suppress

from ..errors import DeviceRefused, DeviceTimeout, InstrumentError, ProtocolError
from ..obp_frames import ChecksumType, MessageType
from .obp_line import ObpLine
from .obp_link import ObpLink
from .obp_refusals import NOT_SO

#: Rounds of bringing a device back before the line is called too bad: chosen.
_ROUNDS = 3
#: How long closing waits for an exchange under way, s: chosen.
_CLOSE_S = 0.2


class ObpSession:
    """One device over one link, kept as it was set.

    `ensure` costs nothing while all is well. After any failure it opens a lost wire again, looks for the
    device at every speed it may be at, makes sure that it is the same one, asks again for checksum and speed,
    and has each of its users compare what is set with what should be. So a device that lost its power in
    between is noticed before anything is measured with it.

    Parameters
    ----------
    link
        The conversation; owned and closed by the session.
    line
        Speeds of the line.
    md5
        Whether to ask for checksums.
    """

    def __init__(self, link: ObpLink, line: ObpLine | None = None, *, md5: bool = True) -> None:
        self.link = link
        self.line = line or ObpLine()
        self.serial = ""
        """Serial number; empty before the device was found."""
        self.checksum = "none: not asked for"
        """``md5``, or ``none`` and why, for the record."""
        self._md5 = md5
        self._settled = False
        self._ensuring = False
        self._restorers: list[Callable[[], None]] = []

    def on_doubt(self, restore: Callable[[], None]) -> None:
        """Have ``restore`` called whenever the device has to be compared with what was asked of it."""
        self._restorers.append(restore)

    def ensure(self) -> None:
        """Make sure that the device is there, the same, and set as it was.

        Raises
        ------
        PortNotFound, PortBusy
            The lost wire cannot be opened again.
        DeviceTimeout, ProtocolError, ConnectionLost
            No answer, a wrong one, or another device.
        DeviceRefused
            It does not take its settings any more.
        """
        with self.link.lock:
            if not self.link.doubtful or self._ensuring:
                return
            self._ensuring = True
            try:
                self._bring_back()
            except BaseException:
                self.link.doubtful = True
                raise
            finally:
                self._ensuring = False

    def reach(self, *, before: float | None = None) -> None:
        """Make sure only that the same device answers; its settings stay in doubt.

        Parameters
        ----------
        before
            Moment of the monotonic clock after which nothing more is tried.

        Raises
        ------
        InstrumentError
            As `ensure`.
        """
        link = self.link
        with link.lock:
            kept = link.connected
            link.doubtful = True
            link.reopen()
            link.md5 = False
            if link.busy:
                link.abort()
            try:
                serial = self.line.find(link, before=before)
            except (DeviceTimeout, ProtocolError):
                if kept and link.baud is None:
                    # A network connection may be dead without saying so; the next one will tell.
                    link.lose()
                raise
            self._recognise(serial)

    def close(self) -> None:
        """Leave the device without checksums and at its power-up speed, if it lets us; may come twice."""
        if self.link.lock.acquire(timeout=_CLOSE_S):
            try:
                if self.link.connected:
                    with suppress(InstrumentError):
                        self._leave()
            finally:
                self.link.lock.release()
        self.link.close()

    def _leave(self) -> None:
        if self.link.md5:
            # Whether the acknowledgement would carry one is unproven; so none is asked for.
            self.link.tell(MessageType.SET_CHECKSUM_TYPE, bytes([ChecksumType.NONE]))
            self.link.md5 = False
        self.line.restore(self.link)

    def _bring_back(self) -> None:
        for _ in range(_ROUNDS):
            self.reach()
            self._ask_for_checksums()
            self.line.hasten(self.link)
            # What fails from here on puts the device in doubt again.
            self.link.doubtful = False
            for restore in self._restorers:
                restore()
            if not self.link.doubtful:
                self._settled = True
                return
        raise DeviceTimeout(f"{self.link.name}: too many exchanges fail; check the cable")

    def _recognise(self, answer: bytes) -> None:
        """Take a serial number for the device's; before all is settled a later one is a better one."""
        serial = ascii_text(answer, "serial number")
        if self._settled and serial != self.serial:
            raise ProtocolError(
                f"{self.link.name}: device {serial} answers where {self.serial} was; open the device again"
            )
        self.serial = serial

    def _ask_for_checksums(self) -> None:
        """Ask for MD5 in both directions, and see that answers carry it.

        The operand, one byte, is unproven, and so is what a device does that does not know it.
        """
        if not self._md5:
            return
        link = self.link
        given = link.offer(MessageType.SET_CHECKSUM_TYPE, bytes([ChecksumType.MD5]), absent=NOT_SO)
        link.md5 = given
        unsigned = link.unsigned
        try:
            if given:
                self._recognise(link.query(MessageType.SERIAL_NUMBER, size=64))
                self.checksum = "md5"
                return
        except ProtocolError:
            if link.unsigned == unsigned or self._settled:
                raise
            link.md5 = False
            link.offer(MessageType.SET_CHECKSUM_TYPE, bytes([ChecksumType.NONE]), absent=NOT_SO)
        if self._settled:
            raise DeviceRefused(f"{link.name}: the device gave checksums before, and refuses them now")
        self._md5 = False
        self.checksum = f"none: {'acknowledged, but answers carry none' if given else 'the device has none'}"


def ascii_text(data: bytes, what: str) -> str:
    """Return what a device says in ASCII, without padding.

    Raises
    ------
    ProtocolError
        It is not ASCII, or not printable.
    """
    try:
        text = data.rstrip(b"\0").decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the {what} is not ASCII: {data[:32]!r}") from error
    if not text.isprintable():
        raise ProtocolError(f"the {what} is not printable: {data[:32]!r}")
    return text
