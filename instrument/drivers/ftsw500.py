"""ABB spectrometers through FTSW500: lines over a VISA socket, spectra from the folder it saves to.

URL: ``visa://TCPIP0::192.168.1.40::7778::SOCKET?driver=ftsw500&folder=/mnt/ftsw``. Parameters: ``folder``
(where FTSW500 saves), ``measure_s`` (saving is stopped after so long; by default it ends by itself),
``atr=1``, ``timeout_s`` (180), ``settle_s`` (1), ``backend``. Facts: FINESSE of Imperial College London
(``ftsw500_interface.py``). Unproven: the format of its files (whatever `spectra.formats` reads is taken), and
that saving ends by itself.
"""

import time
from contextlib import suppress
from enum import IntEnum

from spectra.values import Technique

from ..errors import AcquisitionAborted, DeviceNotReady, DeviceRefused
from ..interfaces import SpectrometerStatus, StopCheck, never_stop
from ..registry import DeviceURL, spectrometer
from ..transport.visa import VisaStream
from .ftsw500_link import FtswLink
from .result_folder import ResultFolder
from .result_folder_device import FileSpectrometer
from .result_folder_url import FOLDER_PARAMS, TIMEOUT_S, folder_options
from .result_folder_wait import ask_again, not_idle, wait_for

#: The state may be undetermined for less than half a second (FINESSE, from the maker's documentation), s.
INTERMEDIATE_S = 2.0
#: FTSW500 connects to a spectrometer within a minute; chosen, s.
CONNECT_S = 60.0
#: It ends saving within seconds; chosen, s.
STOP_S = 10.0
#: Time between two questions for the state; chosen, half of what an intermediate state may last, s.
POLL_S = 0.25
_STATE = "getFTSW500State"


class FtswState(IntEnum):
    """What FTSW500 is doing."""

    INTERMEDIATE = -1
    DISCONNECTED = 0
    CONNECTING = 1
    ACQUIRING = 2
    SAVING = 3


class Ftsw500(FileSpectrometer):
    """A spectrometer behind FTSW500.

    Parameters
    ----------
    link
        Lines to and from FTSW500.
    folder
        Where it saves spectra.
    measure_s
        Saving is stopped after so long, s; None where it ends by itself.
    url, emulated, atr, timeout_s, processed
        As `FileSpectrometer` has them.
    """

    def __init__(
        self,
        link: FtswLink,
        folder: ResultFolder,
        *,
        measure_s: float | None = None,
        url: str = "",
        emulated: bool = False,
        atr: bool | None = None,
        timeout_s: float = TIMEOUT_S,
        processed: bool = False,
    ) -> None:
        super().__init__(
            folder,
            model="ABB FTSW500",
            station=link.name,
            poll_s=POLL_S,
            url=url,
            emulated=emulated,
            atr=atr,
            timeout_s=timeout_s,
            processed=processed,
        )
        self._link, self._measure_s = link, measure_s
        self._polled_at = self._started_at = 0.0
        self._stopping = False
        self.transcript = link.transcript
        try:
            self._state(never_stop)
        except BaseException:
            link.close()
            raise

    def status(self) -> SpectrometerStatus:
        """Ask FTSW500 how the spectrometer is."""
        self.refuse_closed()
        state = self._state(never_stop)
        return SpectrometerStatus(
            state in {FtswState.DISCONNECTED, FtswState.ACQUIRING}, state.name.lower().replace("_", " ")
        )

    def close(self) -> None:
        """Hang up; may be called twice."""
        super().close()
        self._link.close()

    def _prepare(self, stop: StopCheck, *, unfinished: bool) -> None:
        state = self._state(stop)
        if state is FtswState.SAVING and unfinished:
            self._cancel()
            wait_for(lambda: self._polled(stop) is not FtswState.SAVING, stop, STOP_S)
        elif state is FtswState.DISCONNECTED:
            self._link.ask("clickConnectButton", stop=stop)
            wait_for(lambda: self._polled(stop) is FtswState.ACQUIRING, stop, CONNECT_S)
        elif state is FtswState.CONNECTING:
            wait_for(lambda: self._polled(stop) is not FtswState.CONNECTING, stop, CONNECT_S)
        if state is not FtswState.ACQUIRING:
            state = self._state(stop)
        if state is not FtswState.ACQUIRING:
            raise not_idle(state.name.lower())

    def _start(self, stop: StopCheck) -> None:
        self._link.ask("clickStartAcquisitionButton", stop=stop)
        self._started_at, self._stopping = time.monotonic(), False

    def _busy(self, stop: StopCheck) -> bool:
        busy = self._link.state(stop=stop) in {FtswState.SAVING, FtswState.INTERMEDIATE}
        over = self._measure_s is not None and time.monotonic() - self._started_at >= self._measure_s
        if busy and over and not self._stopping:
            self._stopping = True
            # It may have ended by itself just now, and says so; the next state tells.
            with suppress(DeviceRefused):
                self._link.ask("clickStopAcquisitionButton", stop=stop)
        return busy

    def _cancel(self) -> None:
        self._link.ask("clickStopAcquisitionButton")

    def _polled(self, stop: StopCheck) -> FtswState | None:
        """Return the state where it is time to ask, else None."""
        if time.monotonic() - self._polled_at < POLL_S:
            return None
        self._polled_at = time.monotonic()
        return self._state(stop)

    def _state(self, stop: StopCheck) -> FtswState:
        """Return the state, asking again while it is undetermined."""
        end = time.monotonic() + INTERMEDIATE_S
        while True:
            state = FtswState(ask_again(lambda: self._link.state(stop=stop)))
            if state is not FtswState.INTERMEDIATE:
                return state
            if time.monotonic() > end:
                raise DeviceNotReady("FTSW500 is between two states for too long: look at its screen")
            time.sleep(0.04)
            if stop():
                raise AcquisitionAborted("stopped; FTSW500 is between two states")


@spectrometer("visa/ftsw500", params=(*FOLDER_PARAMS, "measure_s", "backend"), technique=Technique.FTIR)
def open_ftsw500(url: DeviceURL) -> Ftsw500:
    """Open the spectrometer behind an FTSW500 program by its VISA resource."""
    backend = url.params.get("backend", "")
    measure_s = url.number("measure_s", low=0.1, high=3600.0)
    folder, options = folder_options(url)
    link = FtswLink(
        url.target,
        lambda transcript: VisaStream(url.target, backend=backend, transcript=transcript),
    )
    return Ftsw500(link, folder, measure_s=measure_s, **options)
