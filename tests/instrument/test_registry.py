import pytest

from instrument.errors import DeviceURLError
from instrument.registry import (
    DeviceURL,
    check_laser_url,
    check_spectrometer_url,
    contains_laser,
    laser_drivers,
    open_laser,
    open_spectrometer,
    spectrometer,
    spectrometer_drivers,
    technique_of,
    unit_drivers,
)
from spectra.values import Technique


def test_every_driver_is_found():
    assert set(spectrometer_drivers()) == {
        *("obp+serial", "obp+tcp", "visa/spektralwerk", "opus+http", "visa/ftsw500", "folder")
    }
    assert set(laser_drivers()) == {"cobolt+serial", "visa/ips"}
    assert set(unit_drivers()) == {"obp+serial", "obp+tcp", "wasatch"}


def test_a_unit_is_told_from_its_url():
    assert contains_laser("obp+serial:///dev/x?model=Ventana")
    assert not contains_laser("obp+serial:///dev/x?model=STS")
    with pytest.raises(DeviceURLError, match="guardian"):
        open_spectrometer("obp+serial:///dev/x?model=Ventana")


def test_the_technique_is_known_before_a_device_is_opened():
    assert technique_of("obp+tcp://h:1?model=FX") is Technique.RAMAN
    assert technique_of("opus+http://h/opusrs?folder=/x") is Technique.FTIR
    assert technique_of("folder:///x") is None


def test_a_url_taken_apart():
    url = DeviceURL.parse(
        "obp+serial:///dev/pts/3?model=STS&baud=115200&laser=cobolt%2Bserial:///dev/x%3Fpause_ms%3D5"
    )
    assert url.scheme == url.key == "obp+serial"
    assert url.serial_path() == "/dev/pts/3"
    assert url.params["laser"] == "cobolt+serial:///dev/x?pause_ms=5"
    assert url.integer("baud", 9600, low=300, high=10**6) == 115200
    assert not url.emulated


def test_other_targets():
    assert DeviceURL.parse("obp+tcp://10.0.0.5:99?model=FX").host_port(57357) == ("10.0.0.5", 99)
    assert DeviceURL.parse("obp+tcp://spectro?model=FX").host_port(57357) == ("spectro", 57357)
    assert DeviceURL.parse("obp+tcp://[::1]:99?model=FX").host_port(1) == ("::1", 99)
    assert DeviceURL.parse("cobolt+serial://COM3").serial_path() == "COM3"
    visa = DeviceURL.parse("visa://TCPIP0::127.0.0.1::5025::SOCKET?driver=spektralwerk")
    assert visa.target == "TCPIP0::127.0.0.1::5025::SOCKET"
    assert visa.key == "visa/spektralwerk"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/dev/ttyUSB0",
        "obp+serial:",
        "obp+serial://",
        "obp+serial:///dev/x?model=STS&model=FX",
        "obp+serial:///dev/x?model=",
        "obp+serial:///dev/x?model",
        "obp+serial:///dev/x#part",
        " obp+serial:///dev/x",
        "obp+serial:///dev/x\n",
        "obp+serial:///dev/" + "x" * 3000,
        "obp+tcp://[::1?model=FX",
    ],
)
def test_no_device_url(text):
    with pytest.raises(DeviceURLError):
        DeviceURL.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("obp+usb:///dev/x?model=STS", "no spectrometer driver 'obp\\+usb'"),
        ("visa://TCPIP0::h::1::SOCKET", "add driver="),
        ("visa://TCPIP0::h::1::SOCKET?driver=other", "no spectrometer driver 'visa/other'"),
        ("obp+serial:///dev/x?model=STS&speed=9600", "does not know speed="),
        ("obp+serial:///dev/x", "add model="),
        ("obp+serial:///dev/x?model=S2000", "no OBP model"),
        ("obp+serial:///dev/x?model=STS&baud=fast", "whole number"),
        ("obp+serial:///dev/x?model=STS&baud=12", "whole number"),
        ("obp+serial://dev/x?model=STS", "three slashes"),
        ("obp+tcp:///x?model=FX", "HOST:PORT"),
        ("obp+tcp://host:99999?model=FX", "Port"),
    ],
)
def test_a_url_nobody_can_act_on(text, words):
    with pytest.raises(DeviceURLError, match=words):
        open_spectrometer(text)


def test_a_laser_is_no_spectrometer():
    with pytest.raises(DeviceURLError, match="no spectrometer driver"):
        open_spectrometer("cobolt+serial:///dev/x")
    with pytest.raises(DeviceURLError, match="no laser driver"):
        open_laser("obp+serial:///dev/x?model=STS")
    with pytest.raises(DeviceURLError, match="power_mw"):
        check_laser_url("cobolt+serial:///dev/x?power_mw=5")


@pytest.mark.parametrize("word", ["nan", "inf", "-1", "many"])
def test_numbers_within_limits(word):
    url = DeviceURL.parse(f"obp+serial:///dev/x?power_mw={word}")
    with pytest.raises(DeviceURLError, match="a number from 0 to 1000"):
        url.number("power_mw", low=0, high=1000)
    assert url.number("laser_nm", low=0, high=1) is None


def test_a_label_is_yes_or_no():
    for word, emulated in (("1", True), ("TRUE", True), ("0", False), ("no", False)):
        assert check_spectrometer_url(f"obp+tcp://h?model=FX&emulated={word}").emulated is emulated
    with pytest.raises(DeviceURLError, match="emulated=maybe"):
        assert DeviceURL.parse("obp+tcp://h?emulated=maybe").emulated


def test_two_drivers_of_one_name():
    spectrometer_drivers()
    with pytest.raises(ValueError, match="two drivers"):
        spectrometer("obp+tcp")(lambda url: None)
