"""The models of the OBP family held to the contracts of the test kit, each on its emulator."""

import pytest

from instrument.registry import open_spectrometer, open_unit
from instrument.testing import LaserContract, SpectrometerContract, UnitContract, running_emulator


def served(model, where):
    options = ["--tcp", "0"] if where == "tcp" else ["--pty"]
    return running_emulator("obp", "--model", model, *options)


def url_of(info, model, where):
    scheme = "obp+tcp" if where == "tcp" else "obp+serial"
    return f"{scheme}://{info['address']}?model={model}"


@pytest.fixture(scope="module", params=[("SPARK", "pty"), ("QEPRO", "tcp"), ("FX", "tcp"), ("HDX", "tcp")])
def plain(request):
    model, where = request.param
    with served(model, where) as info:
        yield url_of(info, model, where)


class TestSpectrometers(SpectrometerContract):
    @pytest.fixture
    def device(self, plain):
        device = open_spectrometer(plain)
        assert device.info.emulated
        yield device
        device.close()


@pytest.fixture(scope="module")
def ventana():
    with served("VENTANA", "pty") as info:
        yield url_of(info, "Ventana", "pty")


@pytest.fixture
def unit(ventana):
    unit = open_unit(ventana)
    assert unit.laser.info.emulated
    yield unit
    unit.close()


class TestVentana(UnitContract):
    @pytest.fixture
    def device(self, unit):
        return unit


class TestVentanaSpectrometer(SpectrometerContract):
    @pytest.fixture
    def device(self, unit):
        return unit.spectrometer


class TestVentanaLaser(LaserContract):
    @pytest.fixture
    def device(self, unit):
        return unit.laser
