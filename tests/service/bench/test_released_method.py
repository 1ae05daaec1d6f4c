"""The bench's method: the active released one, taken up between screenings, never waited for."""

import threading
import time
from dataclasses import replace

import pytest

from library.release_active import roll_back
from library.release_errors import ReleaseAltered
from library.release_state import read_state, write_state
from service.bench.agent import Bench
from service.bench.method_source import MethodSource
from service.released import method_in_force, with_age
from service.settings import Settings
from spectra.answer import FOREIGN
from tests.bars.release_lab import BenchHome, Lab, fitted_methods, now


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    base = tmp_path_factory.mktemp("released")
    made = Lab(base / "lab", fitted_methods(base / "methods", 2))
    made.release(1)
    return made


def until(true, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_bench_takes_up_what_was_released_when_a_screening_begins(lab, opioscan_home):
    home = BenchHome(opioscan_home, lab)
    home.update()
    bench = Bench(Settings(opioscan_home))
    try:
        bench.renew_method("RA123456785GB")
        assert bench.method().version == 1
        lab.release(2)
        home.update()
        assert bench.method().version == 1, "not in the middle of anything"
        bench.outbox.open_screening("RA123456785GB")
        bench.renew_method("RA123456785GB")
        assert bench.method().version == 1, "its screening is open"

        def renewed():
            bench.renew_method("RB123456785GB")
            return bench.method().version == 2

        assert not renewed(), "a scan does not wait for it"
        until(renewed)
        roll_back(home.releases, home.methods, now=now(), why="test")
        until(lambda: not renewed())
        assert bench.method().version == 1
    finally:
        bench.close()


def test_a_new_method_that_cannot_be_loaded_leaves_the_old_one():
    marks, loaded = ["1"], threading.Event()

    def load():
        if marks[0] == "bad":
            loaded.set()
            raise ReleaseAltered("altered")
        return f"method {marks[0]}"

    source = MethodSource(load, lambda: marks[0])
    assert source.get() == "method 1"
    source.renew()
    assert source.get() == "method 1"
    marks[0] = "bad"
    source.renew()
    assert loaded.wait(5)
    source.end()
    source.renew()
    source.end()
    assert source.get() == "method 1"
    marks[0] = "2"
    source.renew()
    source.end()
    source.renew()
    assert source.get() == "method 2"


def test_a_damaged_release_is_never_stood_in_for_by_the_training_method(lab, opioscan_home):
    home = BenchHome(opioscan_home, lab)
    home.update()
    settings = Settings(opioscan_home)
    method = method_in_force(settings)
    active = read_state(home.releases).active
    (home.methods / f"{active.title}.json").write_text("{}")
    with pytest.raises(ReleaseAltered):
        method_in_force(settings)
    assert not with_age(FOREIGN, settings, method).method_stale
    write_state(home.releases, replace(read_state(home.releases), fresh_until="2026-01-01T00:00:00Z"))
    assert with_age(FOREIGN, settings, method).method_stale
    (home.releases / "state.json").write_text("{}")
    assert with_age(FOREIGN, settings, method).method_stale
    (home.releases / "state.json").unlink()
    assert not with_age(FOREIGN, settings, method).method_stale
