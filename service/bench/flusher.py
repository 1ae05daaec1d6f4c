"""The threads that empty the outbox towards the server: one for records, one for the files of methods.

A method with its library may have hundreds of megabytes, for which no result may wait; it has a thread,
a connection and a pause of its own.
"""

from ..archive.journal import Archive
from ..settings import Settings
from .outbox import FlushReport, Lane, Outbox
from .sender import Sender

#: How long an answer waits for its result to be posted, s.
POST_WAIT_S = 3.0


class Flusher:
    """Sends what waits: when kicked, after the pauses the outbox asks for, and now and then.

    Parameters
    ----------
    settings
        Address and token of the server; without an address nothing is ever sent.
    archive, outbox
        What is sent.
    """

    def __init__(self, settings: Settings, archive: Archive, outbox: Outbox) -> None:
        self._settings = settings
        self._files = Sender(settings, archive, outbox, Lane.FILES)
        self._records = Sender(settings, archive, outbox, Lane.RECORDS, ended=self._server_was_met)

    @property
    def configured(self) -> bool:
        """Whether there is a server to send to."""
        return bool(self._settings.server_url)

    @property
    def report(self) -> FlushReport | None:
        """What the last attempt to send records came to; None before the first."""
        return self._records.report

    def start(self) -> None:
        """Start sending, in threads of their own."""
        if self.configured:
            self._records.start()
            self._files.start()

    def end(self) -> None:
        """Stop; requests under way may be repeated later, which the server's PUTs allow."""
        self._records.end()
        self._files.end()

    def kick(self, *, wait_s: float = POST_WAIT_S) -> bool:
        """Send now; return True if an attempt that saw all records added before has ended in time.

        Files are looked at too, but waited for by nobody, and one that failed keeps its pause.
        """
        if not self.configured:
            return False
        self._files.nudge()
        return self._records.kick(wait_s=wait_s)

    def _server_was_met(self, report: FlushReport) -> None:
        """Send files at once where they waited only because no server was in reach."""
        files = self._files.report
        # None: their first look is not over, and may still find the pause of a server that was away.
        if report.sent and (files is None or files.away):
            self._files.kick(wait_s=0.0)
