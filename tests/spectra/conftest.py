"""A method of the starter library, fitted once for all tests of this folder."""

import os
import time

import pytest

from library.methods import fit_method, training_method
from library.starter import ensure_starter
from library.store import read_library
from spectra.values import Technique


@pytest.fixture(scope="session")
def starter_home(tmp_path_factory):
    """Return a data folder shared by all test processes, its null tables computed by one of them."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    home = root / "starter-home"
    try:
        home.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 100
        while not (home / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        return home
    training_method(home)
    (home / "ready").touch()
    return home


@pytest.fixture(scope="session")
def training(starter_home):
    return training_method(starter_home)


@pytest.fixture(scope="session")
def starter(starter_home):
    return read_library(ensure_starter(starter_home / "libraries"))


@pytest.fixture(scope="session")
def entry_of(starter):
    by_name = {entry.substance.name: entry for entry in starter.entries}
    return by_name.__getitem__


@pytest.fixture(scope="session")
def raman_set(training):
    return training.sets[Technique.RAMAN]


@pytest.fixture(scope="session")
def fitted(starter, starter_home):
    return fit_method(starter, cache=starter_home / "methods")
