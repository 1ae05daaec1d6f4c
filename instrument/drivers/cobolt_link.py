"""Lines to and from a Cobolt laser: commands answered ``OK``, refusals ``Syntax error``."""

from ..errors import DeviceRefused, DeviceTimeout, ProtocolError
from .answer_link import AnswerLink
from .stream_opener import StreamOpener


class CoboltLink(AnswerLink):
    """One conversation with one Cobolt laser; its serial number is the fence.

    Parameters
    ----------
    open_stream, pause_s, timeout_s
        As for `AnswerLink`.
    """

    def __init__(self, open_stream: StreamOpener, *, pause_s: float, timeout_s: float) -> None:
        super().__init__(
            open_stream, fence="sn?", line_end=b"\r", answer_end=b"\r\n", pause_s=pause_s, timeout_s=timeout_s
        )

    def command(self, text: str, *, again: bool = False, before: float | None = None) -> None:
        """Command, once, or once more with ``again`` where the answer was lost or damaged.

        Raises
        ------
        DeviceRefused
            The laser said no.
        ProtocolError
            It answered neither ``OK`` nor no.
        """
        with self._lock:
            try:
                self._exchange(text, self._read_ok, before)
            except (DeviceTimeout, ProtocolError):
                if not again:
                    raise
                self._exchange(text, self._read_ok, before)

    def urgent(self, text: str, *, before: float) -> None:
        """Command before anything else, even when earlier answers are still due; reopens a lost port.

        Whether it was obeyed has to be read back.
        """
        with self._lock:
            self._reopen()
            self._send(text, before)
            if self._trusted:
                try:
                    self._refuse(text, answer := self._line(before))
                    self._read_ok(answer)
                except (DeviceTimeout, ProtocolError):
                    self._trusted = False
                    raise
            else:
                self._catch_up(before)

    def _refuse(self, question: str, answer: str) -> None:
        if answer.startswith(("Syntax error", "Error")):
            raise DeviceRefused(f"{self.name}: the laser refused {question!r}: {answer}")

    def _read_ok(self, answer: str) -> str:
        if answer != "OK":
            raise ProtocolError(f"{answer!r} instead of OK")
        return answer
