"""How a guardian's process is started: in a session of its own, with what it needs and nothing else."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import instrument

from ..errors import InstrumentError
from .wire import Message

#: Exit status of a guardian that found another one running.
_OTHER_RUNS = 75
_SPAWN_S = 10.0


@dataclass(frozen=True, slots=True)
class GuardianHandle:
    """A running guardian, and how to start it again."""

    socket_path: Path
    """Its Unix socket."""
    laser_url: str
    """The laser it owns, or the spectrometer with a laser in it."""
    power_mw: float
    """Power it set, and the most it allows, mW."""
    max_on_s: float
    """Longest uninterrupted emission, s."""
    warning_s: float
    """Warning before the first light of a scan, s."""
    require_confirmation: bool
    """Whether it fires nothing before the safety questions of the scan were answered."""
    idle_s: float
    """It ends after so long without a client, s."""
    log: Path
    """Its log file."""
    pid: int
    """Its process."""
    relief: int
    """The process that starts another guardian when this one dies."""
    started: bool
    """True when this call started it, and the laser was therefore forced off just now."""
    reason: str
    """Why the laser was last turned off, in its words."""

    def wanted(self) -> Message:
        """Return what a running guardian has to say of itself to be this one."""
        return wanted(self.laser_url, self.power_mw, self.max_on_s, self.warning_s, self.require_confirmation)


def wanted(
    laser_url: str, power_mw: float, max_on_s: float, warning_s: float, require_confirmation: bool
) -> Message:
    """Return settings in the words in which a guardian says its own."""
    return {
        "laser": laser_url,
        "power_mw": power_mw,
        "max_on_s": max_on_s,
        "warning_s": warning_s,
        "require_confirmation": require_confirmation,
    }


def command(socket_path: Path, settings: Message, idle_s: float, log: Path) -> list[str]:
    """Return the words that start a guardian with these settings."""
    # -P keeps the current folder, which may hold anything, off the module path.
    return [
        *(sys.executable, "-P", "-m", "instrument.guardian"),
        *("--socket", str(socket_path), "--laser", str(settings["laser"])),
        *("--power-mw", repr(settings["power_mw"]), "--max-on-s", repr(settings["max_on_s"])),
        *("--warning-s", repr(settings["warning_s"]), "--idle-s", repr(idle_s)),
        *(["--require-confirmation"] if settings["require_confirmation"] else []),
        *("--log", str(log), "--detach"),
    ]


def launch(words: list[str], folder: Path, log: Path) -> bool:
    """Start a guardian in a session of its own: no terminal's signal and no parent's end reaches it.

    It locks, detaches and leaves at once; return whether it got the lock.
    """
    root = str(Path(instrument.__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    try:
        status = subprocess.run(  # noqa: S603
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            # It computes nothing, and what forks itself should have no threads of a numeric library.
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
            timeout=_SPAWN_S,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return False
    if status not in {0, _OTHER_RUNS}:
        raise InstrumentError(f"the guardian did not start (exit {status}); see {log}")
    return status == 0
