"""A bench process that scans when told to on its standard input, so that it can be killed or made to fail.

``laser_client.py BENCH_URL RUNTIME_DIR``. Commands and events are JSON objects, one a line:
``{"do": "scan", "exposure_s": 1.2, "accumulations": 2}``, ``{"do": "raise"}`` (an exception in the scan under
way, caught at the end of the scan), ``{"do": "die"}`` (the same, caught by nobody). Each event says when it was,
CLOCK_MONOTONIC in ns.
"""

import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from instrument.config import bench_config
from instrument.errors import InstrumentError
from instrument.interfaces import Spectrometer, StopCheck
from instrument.raman_bench import RamanBench


class Mistake(Exception):
    """An error in the bench process itself, of no package."""


class Noted:
    """The bench's spectrometer, noting when it failed; everything else is the driver's own."""

    def __init__(self, device: Spectrometer) -> None:
        self._device = device

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def acquire(self, *, stop: StopCheck) -> Any:
        """Acquire, and tell at once when that fails."""
        try:
            return self._device.acquire(stop=stop)
        except InstrumentError as error:
            _tell("acquire_failed", error=type(error).__name__)
            raise


class Bench:
    """The bench and what it was told to do next."""

    def __init__(self, url: str, runtime_dir: Path) -> None:
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._mistake = ""
        self._bench = RamanBench.open(bench_config(url, Path(os.devnull)), runtime_dir)
        self._bench.spectrometer = Noted(self._bench.spectrometer)
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self) -> None:
        """Scan until the input ends."""
        _tell("ready")
        while (told := self._told.get())["do"] == "scan":
            self._mistake = ""
            plan = self._bench.plan(
                exposure_s=told["exposure_s"], accumulations=told["accumulations"], item="BAR"
            )
            try:
                self._bench.scan(plan, stop=self._stop)
            except (InstrumentError, Mistake) as error:
                if self._mistake == "die":
                    raise
                _tell("failed", error=type(error).__name__, words=str(error)[:300])
            else:
                _tell("done")
        self._bench.close()

    def _stop(self) -> bool:
        if self._mistake:
            _tell("raised")
            raise Mistake("a mistake in the bench process")
        return False

    def _listen(self) -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if message["do"] == "scan":
                self._told.put(message)
            else:
                self._mistake = message["do"]
        self._told.put({"do": "end"})


def _tell(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, "ns": time.monotonic_ns(), **fields}), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Where it hangs is told to whoever looks into its log.
    faulthandler.register(signal.SIGUSR1)
    Bench(sys.argv[1], Path(sys.argv[2])).run()
