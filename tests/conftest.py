"""What every test shares: a home of its own, the real command line, and a watch for leaks."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# As the command line does: one BLAS thread, said before NumPy is first imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from service.settings import Settings  # noqa: E402
from tests.warm_shell import WarmShell  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

#: Where tests marked ``shared`` find real measured spectra.
SHARED = "OPIOSCAN_SHARED"

#: Threads that are kept for later: idle workers of AnyIO (Starlette's test client), asyncio, the kernels, names.
_POOLS = ("AnyIO worker thread", "asyncio_", "spectra-kernels", "webhook-names")
#: How long a thread may take to end after its test, s.
_GRACE_S = 2.0
#: Workers beyond one a core where pytest is to choose: more than half of the time of the suite is waiting for devices,
#: programs and deadlines (measured on 2 cores: 650 s of processor time in 830 s of 2 workers).
_MORE_WORKERS = 1


# A machine that is busy for a moment is no failure; what hangs ends by pytest's own time-out.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers ``-n auto`` means; the variable of pytest-xdist still decides where it is set."""
    given = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
    return int(given) if given.isdecimal() else len(os.sched_getaffinity(0)) + _MORE_WORKERS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long tests first; leave out tests that need data nobody gave."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if os.environ.get(SHARED):
        return
    left_out = [item for item in items if item.get_closest_marker("shared")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("shared")]
        config.hook.pytest_deselected(items=left_out)
        config.stash[_LEFT_OUT] = len(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say why tests were left out; with pytest-xdist, the controller has collected nothing itself."""
    if os.environ.get(SHARED):
        return
    count = config.stash.get(_LEFT_OUT, None)
    if count is None and not config.getoption("numprocesses", None):
        return
    which = "tests marked 'shared'" if count is None else f"{count} tests marked 'shared'"
    terminalreporter.write_line(f"left out: {which}; {SHARED} does not say where measured spectra are")


_LEFT_OUT = pytest.StashKey[int]()


@pytest.fixture(autouse=True)
def no_thread_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _GRACE_S
    while left := [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.name.startswith(_POOLS)
    ]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads still run after the test: {', '.join(t.name for t in left)}")
        time.sleep(0.01)


@pytest.fixture
def opioscan_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a fresh home folder that this test and its subprocesses use; no server is configured."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("OPIOSCAN_HOME", str(home))
    monkeypatch.delenv("OPIOSCAN_SERVER", raising=False)
    monkeypatch.delenv("OPIOSCAN_TOKEN", raising=False)
    yield home
    # Outside the home, because a socket's path must be short.
    shutil.rmtree(Settings(home=home).runtime_dir, ignore_errors=True)


@dataclass(frozen=True)
class Ran:
    """How a run of the command line ended."""

    code: int
    """Exit code."""
    out: str
    """Standard output."""
    err: str
    """Standard error."""


@pytest.fixture(scope="session")
def warm_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmShell]:
    """Return a real shell whose ``opioscan`` does not spend two seconds on imports."""
    with WarmShell(tmp_path_factory.mktemp("w")) as shell:
        yield shell


@pytest.fixture
def run_cli(opioscan_home: Path) -> Callable[..., Ran]:
    """Return a function that runs ``opioscan`` with arguments, as a real process in the test's home."""

    def run(*arguments: str | Path, timeout: float = 60.0, env: dict[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "service.cli.start", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
