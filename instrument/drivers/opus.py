"""Bruker spectrometers through OPUS: commands over HTTP, spectra from the folder OPUS writes to.

URL: ``opus+http://192.168.1.30/opusrs?folder=/mnt/opus``. Parameters: ``folder`` (where OPUS saves),
``atr=1`` (sample on an ATR crystal; by default the accessory in the file tells), ``timeout_s`` (180),
``settle_s`` (1), ``pace_s`` (2). Facts: FINESSE (``opus_interface.py``), used there with an EM27; with the
instruments of a bench (ALPHA, VERTEX) it is unproven. OPUS measures its background when it is told to there:
no command for it is known, so the file's own account of its background is recorded.
"""

from spectra.values import Technique

from ..errors import DeviceNotReady, DeviceRefused, DeviceURLError, HardwareFault
from ..interfaces import SpectrometerStatus, StopCheck, never_stop
from ..registry import DeviceURL, spectrometer
from ..transport.tcp import TcpStream
from .opus_link import PACE_S, OpusLink
from .opus_pages import OpusPage, OpusState
from .result_folder import ResultFolder
from .result_folder_device import FileSpectrometer
from .result_folder_url import FOLDER_PARAMS, TIMEOUT_S, folder_options
from .result_folder_wait import ask_again, not_idle, wait_for

DEFAULT_PORT = 80
DEFAULT_PATH = "/opusrs"
#: Time between two questions for the state, where OPUS may be asked that often; chosen, s.
POLL_S = 0.1
#: OPUS initialises a spectrometer within a minute; chosen.
CONNECT_S = 60.0
#: OPUS ends a measurement after the scan under way; chosen.
CANCEL_S = 15.0


class Opus(FileSpectrometer):
    """A spectrometer behind OPUS.

    Parameters
    ----------
    link
        Questions to OPUS.
    folder
        Where it saves spectra.
    url, emulated, atr, timeout_s, processed
        As `FileSpectrometer` has them.
    """

    def __init__(
        self,
        link: OpusLink,
        folder: ResultFolder,
        *,
        url: str = "",
        emulated: bool = False,
        atr: bool | None = None,
        timeout_s: float = TIMEOUT_S,
        processed: bool = False,
    ) -> None:
        super().__init__(
            folder,
            model="Bruker OPUS",
            station=link.name,
            poll_s=max(POLL_S, link.pace_s),
            url=url,
            emulated=emulated,
            atr=atr,
            timeout_s=timeout_s,
            processed=processed,
        )
        self._link = link
        self.transcript = link.transcript
        # Whoever answers here with anything else is not OPUS.
        self.note_emulation(self._asked().text)

    def status(self) -> SpectrometerStatus:
        """Ask OPUS how the spectrometer is."""
        self.refuse_closed()
        page = self._link.status()
        ready = page.error is None and page.state in {OpusState.IDLE, OpusState.CONNECTED}
        words = page.text or page.state.words
        return SpectrometerStatus(ready, f"{words}; {_complaint(page)}" if page.error is not None else words)

    def _prepare(self, stop: StopCheck, *, unfinished: bool) -> None:
        page = _fine(self._asked(stop), DeviceNotReady)
        if page.state.busy and unfinished:
            if page.state is not OpusState.CANCELLING:
                self._link.command("cancel", stop=stop)
            wait_for(lambda: not self._asked(stop).state.busy, stop, CANCEL_S)
            page = _fine(self._asked(stop), DeviceNotReady)
        if page.state is OpusState.IDLE:
            _fine(self._link.command("connect", stop=stop), DeviceNotReady)
            wait_for(lambda: self._asked(stop).state is OpusState.CONNECTED, stop, CONNECT_S)
            page = _fine(self._asked(stop), DeviceNotReady)
        elif page.state is OpusState.CONNECTING:
            wait_for(lambda: self._asked(stop).state is not OpusState.CONNECTING, stop, CONNECT_S)
            page = _fine(self._asked(stop), DeviceNotReady)
        if page.state is not OpusState.CONNECTED:
            raise not_idle(page.state.words)

    def _start(self, stop: StopCheck) -> None:
        _fine(self._link.command("start", stop=stop), DeviceRefused)

    def _busy(self, stop: StopCheck) -> bool:
        page = _fine(self._link.status(stop=stop), HardwareFault)
        if page.state is OpusState.UNDEFINED:
            raise HardwareFault("OPUS does not know the state of the spectrometer: look at its screen")
        return page.state.busy

    def _cancel(self) -> None:
        self._link.command("cancel")

    def _asked(self, stop: StopCheck = never_stop) -> OpusPage:
        """Ask for the state; once again where the answer got lost, for asking changes nothing."""
        return ask_again(lambda: self._link.status(stop=stop))


def _fine(page: OpusPage, kind: type[DeviceRefused]) -> OpusPage:
    """Return a page without an error.

    The numbers of OPUS's errors are not public: what was asked decides which error of ours it is.
    """
    if page.error is not None:
        raise kind(f"OPUS: {_complaint(page)}")
    return page


def _complaint(page: OpusPage) -> str:
    return f"error {page.error}: {page.error_text or page.text}"


@spectrometer("opus+http", params=(*FOLDER_PARAMS, "pace_s"), technique=Technique.FTIR)
def open_opus(url: DeviceURL) -> Opus:
    """Open the spectrometer behind an OPUS program."""
    target, _, path = url.target.partition("/")
    try:
        host, port = DeviceURL(url.text, url.scheme, target, url.params).host_port(DEFAULT_PORT)
    except DeviceURLError as error:
        raise DeviceURLError(f"{url.text}: write opus+http://HOST/opusrs?folder=/FOLDER") from error
    page = f"/{path}" if path else DEFAULT_PATH
    if not page.isascii() or any(letter in page for letter in " \t?#"):
        raise DeviceURLError(f"{url.text}: write opus+http://HOST/opusrs?folder=/FOLDER")
    pace = url.number("pace_s", low=0.0, high=60.0)
    link = OpusLink(
        lambda transcript: TcpStream(host, port, transcript=transcript),
        host=f"{host}:{port}",
        path=page,
        pace_s=PACE_S if pace is None else pace,
    )
    folder, options = folder_options(url)
    return Opus(link, folder, **options)
