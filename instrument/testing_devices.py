"""The rigs of our own drivers: each over its emulator; part of the test kit `instrument.testing`."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .testing_rigs import known_rigs, rig, running_emulator

#: How often the folder rig has a new file, s.
EXPORT_EVERY_S = 0.3


@rig("spectrometer", "obp+serial")
def _obp_serial() -> Iterator[str]:
    with running_emulator("obp", "--model", "STS", "--pty") as info:
        yield f"obp+serial://{info['address']}?model=STS&baud=115200"


@rig("spectrometer", "obp+tcp")
def _obp_tcp() -> Iterator[str]:
    with running_emulator("obp", "--model", "FX", "--tcp", "0") as info:
        yield f"obp+tcp://{info['address']}?model=FX"


@rig("unit", "obp+serial")
def _ventana_serial() -> Iterator[str]:
    with _light() as light, running_emulator("obp", "--model", "VENTANA", "--pty", "--light", light) as info:
        yield f"obp+serial://{info['address']}?model=Ventana&baud=115200"


@rig("unit", "obp+tcp")
def _ventana_tcp() -> Iterator[str]:
    with (
        _light() as light,
        running_emulator("obp", "--model", "VENTANA", "--tcp", "0", "--light", light) as info,
    ):
        yield f"obp+tcp://{info['address']}?model=Ventana"


@rig("spectrometer", "visa/spektralwerk")
def _spektralwerk() -> Iterator[str]:
    with running_emulator("spektralwerk", "--tcp", "0") as info:
        host, _, port = info["address"].partition(":")
        yield f"visa://TCPIP0::{host}::{port}::SOCKET?driver=spektralwerk"


@rig("laser", "cobolt+serial")
def _cobolt() -> Iterator[str]:
    with running_emulator("cobolt", "--pty") as info:
        yield f"cobolt+serial://{info['address']}?pause_ms=2"


@rig("laser", "visa/ips")
def _ips() -> Iterator[str]:
    with running_emulator("ips", "--pty", "--speed", "100") as info:
        yield f"visa://ASRL{info['address']}::INSTR?driver=ips&max_ma=600&max_mw=350"


@rig("spectrometer", "opus+http")
def _opus() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        options = ("--tcp", "0", "--folder", folder, "--pace", "0", "--scan-time", "0.02", "--scans", "16")
        with running_emulator("opus", *options) as info:
            yield f"opus+http://{info['address']}/opusrs?folder={folder}&pace_s=0&settle_s=0.1"


@rig("spectrometer", "visa/ftsw500")
def _ftsw500() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        options = ("--tcp", "0", "--folder", folder, "--scan-time", "0.02", "--scans", "16")
        with running_emulator("ftsw500", *options) as info:
            host, _, port = info["address"].partition(":")
            where = f"visa://TCPIP0::{host}::{port}::SOCKET?driver=ftsw500"
            yield f"{where}&folder={folder}&measure_s=0.3&settle_s=0.1"


@rig("spectrometer", "folder")
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, _exporting(Path(folder)):
        yield f"folder://{folder}?settle_s=0.1&technique=raman"


@contextmanager
def _light() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder) / "light")


@contextmanager
def _exporting(folder: Path) -> Iterator[None]:
    """Be a handheld from which somebody exports spectra again and again."""
    ended = threading.Event()

    def export() -> None:
        shift = np.arange(200.0, 2200.0, 2.0)
        number = 0
        while not ended.wait(EXPORT_EVERY_S):
            number += 1
            band = np.exp(-0.5 * ((shift - 1001.0) / 5.0) ** 2) * (1000 + number)
            rows = "".join(f"{x:.1f},{y:.3f}\n" for x, y in zip(shift, band, strict=True))
            part = folder / f"scan{number}.part"
            part.write_text(f"Raman shift (cm-1),Intensity\n{rows}")
            part.rename(folder / f"scan{number}.csv")

    thread = threading.Thread(target=export, name="exporting")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


#: Drivers that come with a rig: kind and key.
OUR_RIGS = known_rigs()
