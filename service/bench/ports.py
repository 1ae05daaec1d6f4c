"""The ports of one device: opened when needed, closed after a failure; what errors say is kept in mind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from instrument.config import BenchConfig
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceTimeout,
    InstrumentError,
    LaserMayBeOn,
    PortNotFound,
)
from instrument.interfaces import Capability
from instrument.raman_bench import RamanBench, start_bench_guardian

from .laser_watch import LaserWatch

#: Errors after which a device may have been switched off and on: no driver can tell, and one behind a serial
#: adapter merely falls silent.
_GONE = (ConnectionLost, DeviceTimeout, PortNotFound)

#: How long the end of an agent waits for a guardian to end, s.
_RELEASE_S = 0.3


#: Told which instrument came back, and what was said when it went away.
Reconnected = Callable[[str, str], None]


def unheard(_identity: str, _words: str) -> None:
    """Tell nobody."""


class Ports:
    """A device's ports, with the watch on its laser.

    Parameters
    ----------
    config
        What the device consists of.
    runtime_dir
        Private folder for the guardian's socket.
    """

    def __init__(self, config: BenchConfig, runtime_dir: Path) -> None:
        self._config = config
        self._runtime_dir = runtime_dir
        self._bench: RamanBench | None = None
        self.watch = LaserWatch(config, runtime_dir)
        """What its guardian says of the laser."""
        self.trouble = ""
        """What the device's last error said; empty after a success."""
        self.went_away = ""
        """What was said when it was lost or fell silent; whoever tells of its return empties this."""

    @property
    def bench(self) -> RamanBench | None:
        """The open device; None while its ports are closed."""
        return self._bench

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the open device can do; nothing while its ports are closed."""
        bench = self._bench
        return frozenset() if bench is None else frozenset(bench.spectrometer.capabilities)

    def opened(self) -> RamanBench:
        """Return the device, opened if it is not, and afresh where its laser may be on."""
        if self.watch.alarm:
            self.close()
        if self._bench is None:
            self.watch.start()
            self._bench = RamanBench.open(self._config, self._runtime_dir)
        return self._bench

    def laser_off(self) -> None:
        """Turn the laser of an open device off and read it back; raises `LaserMayBeOn` where it is not."""
        bench = self._bench
        if bench is not None and bench.laser is not None:
            with self.watched(lose=False):
                bench.laser.off()

    def force_off(self) -> None:
        """Read the laser back as off, through a guardian started where none runs."""
        with self.watched(lose=False):
            start_bench_guardian(self._config, self._runtime_dir)
            bench = self._bench
            if bench is not None and bench.laser is not None:
                bench.laser.off()

    def close(self) -> None:
        """Let go of the ports; the guardian sees to it that the laser is off, and its watch goes on."""
        bench, self._bench = self._bench, None
        if bench is None:
            return
        try:
            bench.close()
        except LaserMayBeOn as error:
            self.watch.shout(error)
        except InstrumentError as error:
            self.trouble = str(error)

    def release(self) -> None:
        """Close, and let the guardian go too, so that another program may have the laser."""
        self.close()
        self.watch.release(_RELEASE_S)

    @contextmanager
    def watched(self, *, lose: bool = True) -> Iterator[None]:
        """Keep in mind what the device's errors say; ``lose``: open the ports afresh after one."""
        self.watch.start()
        try:
            yield
        except LaserMayBeOn as error:
            self.watch.shout(error)
            raise
        except AcquisitionAborted:
            self.watch.all_clear()
            raise
        except InstrumentError as error:
            self.trouble = str(error)
            if isinstance(error, _GONE):
                self.went_away = str(error)
            if lose:
                self.close()
            raise
        self.watch.all_clear()
        self.trouble = ""
