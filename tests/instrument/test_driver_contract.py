"""Every registered driver keeps the contract of its kind, found through the registry, over a working device."""

from collections.abc import Iterator
from typing import Any

import pytest

from instrument.interfaces import Laser, Spectrometer, Unit
from instrument.registry import open_laser, open_spectrometer, open_unit
from instrument.testing import LaserContract, SpectrometerContract, UnitContract, on_rig, rigged, without_rig

#: Needs the maker's package and its hardware; held by tests of its own.
NO_RIG = [("unit", "wasatch")]


def test_every_driver_has_a_rig() -> None:
    assert without_rig() == NO_RIG


@pytest.fixture(scope="module", params=rigged("spectrometer"))
def spectrometer_url(request: Any) -> Iterator[str]:
    with on_rig("spectrometer", request.param) as url:
        yield url


@pytest.fixture(scope="module", params=rigged("unit"))
def unit_url(request: Any) -> Iterator[str]:
    with on_rig("unit", request.param) as url:
        yield url


@pytest.fixture(scope="module", params=rigged("laser"))
def laser_url(request: Any) -> Iterator[str]:
    with on_rig("laser", request.param) as url:
        yield url


class TestEverySpectrometer(SpectrometerContract):
    @pytest.fixture
    def device(self, spectrometer_url: str) -> Iterator[Spectrometer]:
        opened = open_spectrometer(spectrometer_url)
        yield opened
        opened.close()


class TestSpectrometerOfEveryUnit(SpectrometerContract):
    @pytest.fixture
    def device(self, unit_url: str) -> Iterator[Spectrometer]:
        opened = open_unit(unit_url)
        yield opened.spectrometer
        opened.close()


class TestEveryUnit(UnitContract):
    @pytest.fixture
    def device(self, unit_url: str) -> Iterator[Unit]:
        opened = open_unit(unit_url)
        yield opened
        opened.laser.off()
        opened.close()


class TestEveryLaser(LaserContract):
    @pytest.fixture
    def device(self, laser_url: str) -> Iterator[Laser]:
        opened = open_laser(laser_url)
        yield opened
        opened.close()


class TestLaserOfEveryUnit(LaserContract):
    @pytest.fixture
    def device(self, unit_url: str) -> Iterator[Laser]:
        opened = open_unit(unit_url)
        yield opened.laser
        opened.close()
