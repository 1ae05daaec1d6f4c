"""Whether a device's laser may be on: what its guardian says, and what programs here have found out."""

import threading
from pathlib import Path

from instrument.config import BenchConfig
from instrument.errors import InstrumentError, LaserMayBeOn
from instrument.guardian import GuardianWatch, LaserState, State, stop_guardian
from instrument.raman_bench import guardian_socket, start_bench_guardian


class LaserWatch:
    """Keep an alarm from the first sign that a laser may be on until its guardian has read it back as off.

    The guardian is listened to for as long as this is open, whether a scan runs or not and whoever uses the
    laser; a guardian that is gone while its laser may be on is started again.

    Parameters
    ----------
    config
        The bench with the laser; nothing is watched for one without.
    runtime_dir
        Private folder for the guardian's socket.
    """

    def __init__(self, config: BenchConfig, runtime_dir: Path) -> None:
        self._config = config
        self._runtime_dir = runtime_dir
        url = config.owned_url
        self._socket_path = guardian_socket(runtime_dir, url) if url is not None else None
        self._lock = threading.Lock()
        self._watch: GuardianWatch | None = None
        self._alarm = ""
        self.state: LaserState | None = None
        """What the guardian last said; None before it said anything."""

    @property
    def alarm(self) -> str:
        """Why the laser may be on; empty while it was last read back as off."""
        return self._alarm

    def start(self) -> None:
        """Listen to the guardian from now on; again after `release`."""
        if self._socket_path is None:
            return
        with self._lock:
            if self._watch is None:
                self._watch = GuardianWatch(self._socket_path, self._hear, revive=self._revive)

    def shout(self, error: LaserMayBeOn) -> None:
        """Take note that the laser could not be read back as off, unless it has been since."""
        self._alarm = str(error) or "it could not be read back as off"
        self._refresh()

    def all_clear(self) -> None:
        """Take note that the laser was read back as off, unless its guardian has said otherwise since."""
        self._alarm = ""
        self._refresh()

    def release(self, wait_s: float) -> None:
        """Listen no longer, and let the guardian end if it may; one that may not raises the alarm."""
        with self._lock:
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
        if self._socket_path is None:
            return
        try:
            ended = stop_guardian(self._socket_path, timeout_s=wait_s)
        except InstrumentError:
            # Another program uses it: the laser is that program's now.
            return
        state = self.state.state if self.state is not None else None
        if not ended and state in {State.ON, State.LASER_MAY_BE_ON} and not self._alarm:
            self._alarm = "the guardian has not read the laser back as off yet"

    def _refresh(self) -> None:
        watch = self._watch
        if watch is not None:
            watch.refresh()

    def _revive(self) -> None:
        start_bench_guardian(self._config, self._runtime_dir)

    def _hear(self, state: LaserState) -> None:
        self.state = state
        if state.state is State.LASER_MAY_BE_ON:
            self._alarm = state.reason or "it could not be read back as off"
        elif state.state is State.OFF:
            self._alarm = ""
