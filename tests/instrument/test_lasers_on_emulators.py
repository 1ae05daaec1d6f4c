"""Cobolt and IPS on their emulators: faults, plugs and power pulled, warm-up, and the light log as witness."""

import contextlib
import json
import socket
import tempfile
import time
from pathlib import Path

import pytest
import pyvisa

from instrument.errors import (
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    HardwareFault,
    InterlockOpen,
    LaserMayBeOn,
    PortNotFound,
)
from instrument.registry import open_laser
from instrument.testing import running_emulator

IPS_FIGURES = "driver=ips&max_ma=600&max_mw=350&threshold_ma=60"
WELL = {"interlock": "closed", "fault": 0, "stuck": False, "autostart": False, "faults": ""}


class Head:
    """A laser emulator under a name of its own, its light log, and how it is opened."""

    def __init__(self, about, kind, link, log):
        self.about, self.kind, self.link, self.log = about, kind, link, log

    def open(self):
        if self.kind == "cobolt":
            return open_laser(f"cobolt+serial://{self.link}?pause_ms=2")
        return open_laser(f"visa://ASRL{self.link}::INSTR?{IPS_FIGURES}")

    def tell(self, **message):
        with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
            sock.settimeout(5)
            sock.connect(self.about["control"])
            lines.write(json.dumps(message) + "\n")
            lines.flush()
            state = json.loads(lines.readline())
        assert "error" not in state, state
        return state

    def lit(self):
        return float(self.log.read_text().split()[-1]) > 0


@contextlib.contextmanager
def emulated(kind, *options):
    # Short: a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="g") as name:
        folder = Path(name)
        link, log = folder / "tty", folder / "light"
        paths = ("--link", str(link), "--light", str(log), "--control", str(folder / "ctl"))
        with running_emulator(kind, *paths, *options) as about:
            yield Head(about, kind, link, log)


@pytest.fixture(scope="module", params=["cobolt", "ips"])
def head(request):
    with emulated(request.param) as found:
        yield found


@pytest.fixture
def laser(head):
    head.tell(**WELL)
    opened = head.open()
    opened.set_power(100)
    yield opened
    head.tell(**WELL)
    opened.close()


def usable(laser, within_s=5.0):
    """Say how long it takes until the laser answers again."""
    start = time.monotonic()
    while True:
        try:
            return laser.status(), time.monotonic() - start
        except (ConnectionLost, PortNotFound):
            assert time.monotonic() - start < within_s
            time.sleep(0.05)


def test_the_light_follows_and_is_dark_when_off_returns(head, laser):
    laser.on()
    assert head.lit()
    status = laser.status()
    assert status.emitting
    assert status.power_mw == pytest.approx(status.setpoint_mw, rel=0.05)
    laser.off()
    assert not head.lit()


def test_a_pulled_plug_is_named_and_mended_by_itself_with_the_laser_off(head, laser):
    laser.on()
    head.tell(once="disconnect:0.3")
    with pytest.raises(ConnectionLost):
        laser.status()
    status, seconds = usable(laser)
    assert seconds < 5
    assert not status.emitting
    assert not head.lit()
    with pytest.raises(ConnectionLost, match="set the power"):
        laser.on()
    laser.set_power(100)
    laser.on()
    assert head.lit()
    laser.off()


def test_off_opens_a_pulled_plug_again(head, laser):
    laser.on()
    head.tell(once="disconnect:0.2")
    laser.off()
    assert not head.lit()


def test_a_laser_that_comes_back_lit_after_a_power_cut_is_switched_off(head, laser):
    head.tell(autostart=True)
    laser.on()
    laser.off()
    head.tell(once="power_cut:0.1")
    try:
        status = laser.status()
    except DeviceRefused:
        status = laser.status()
    assert not status.emitting
    assert not head.lit()
    assert "by itself" in status.fault
    with pytest.raises(ConnectionLost, match="set the power"):
        laser.on()


def test_a_power_cut_nobody_saw_is_seen_before_the_laser_comes_on(head, laser):
    head.tell(once="power_cut:0")
    laser.status()
    with pytest.raises(DeviceRefused, match="power cut"):
        laser.on()
    assert not head.lit()
    laser.set_power(50)
    laser.on()
    laser.off()


def test_an_interlock_that_opens_puts_it_off(head, laser):
    laser.on()
    head.tell(once="interlock")
    assert not laser.status().emitting
    assert not head.lit()
    with pytest.raises(InterlockOpen if head.kind == "cobolt" else DeviceRefused):
        laser.on()
    head.tell(interlock="closed")
    laser.off()
    laser.on()
    laser.off()


def test_a_fault_is_told_in_words(head, laser):
    laser.on()
    head.tell(once="laser_fault")
    status = laser.status()
    assert not status.emitting
    assert "temperature" in status.fault
    with pytest.raises(HardwareFault, match="temperature"):
        laser.on()


def test_a_stuck_laser_is_shouted_about(head, laser):
    laser.on()
    head.tell(stuck=True)
    with pytest.raises(LaserMayBeOn, match="still on"):
        laser.off()
    head.tell(stuck=False)
    laser.off()
    assert not head.lit()


@pytest.mark.parametrize(
    "fault", ["garbage:0.4", "drop:0.2", "corrupt:0.4", "nack:0.4", "truncate:0.3", "stale:0.4"]
)
def test_off_gets_past_a_bad_line_or_says_so(head, laser, fault):
    laser.on()
    head.tell(faults=fault)
    try:
        laser.off()
    except LaserMayBeOn:
        pass
    else:
        assert not head.lit()
    head.tell(faults="")
    laser.off()
    assert not head.lit()


def test_drift_warms_it(head, laser):
    before = head.tell()
    head.tell(once="drift:3")
    after = head.tell()
    name = "baseplate_c" if head.kind == "cobolt" else "board_c"
    assert after[name] == pytest.approx(before[name] + 3)


@pytest.mark.parametrize(
    ("fault", "words"), [("laser_fault:99", "laser_fault"), ("saturation", "no detector")]
)
def test_faults_a_laser_cannot_have(head, fault, words):
    with pytest.raises(AssertionError, match=words):
        head.tell(once=fault)


@pytest.fixture
def own():
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(emulated(*options))


def test_a_laser_that_warms_up_is_not_ready(own):
    head = own("ips", "--warm-up", "60", "--speed", "15")
    laser = head.open()
    assert not laser.status().ready
    with pytest.raises(DeviceNotReady, match="still settling"):
        laser.on()
    deadline = time.monotonic() + 10
    while not laser.status().ready:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    laser.on()
    laser.off()
    laser.close()


def test_a_cobolt_that_warms_up_says_so(own):
    head = own("cobolt", "--warm-up", "60", "--speed", "20")
    laser = head.open()
    laser.status()
    with pytest.raises(DeviceNotReady, match="still settling"):
        laser.on()
    deadline = time.monotonic() + 10
    while head.tell()["warm_up_left_s"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    laser.on()
    laser.off()
    laser.close()


def test_a_cobolt_in_autostart_mode_waits_for_its_key(own):
    head = own("cobolt", "--autostart")
    laser = head.open()
    assert not head.lit()
    head.tell(key="off")
    with pytest.raises(InterlockOpen, match="key"):
        laser.on()
    head.tell(key="on")
    laser.set_power(20)
    laser.on()
    assert head.lit()
    laser.off()
    assert laser.settings()["autostart"] is True
    laser.close()


def test_an_ips_dialogue_through_plain_pyvisa(own):
    head = own("ips")
    with pyvisa.ResourceManager("@py").open_resource(
        f"ASRL{head.link}::INSTR",
        baud_rate=115200,
        read_termination="\n",
        write_termination="\n",
        timeout=5000,
    ) as port:
        identity = port.query("*IDN?").split(", ")
        assert identity[:3] == ["IPS", "HPU", head.about["serial"]]
        for command in ("Laser:Current 200", "LASER:ENABLE 1"):
            port.write(command)
            assert port.query("Error?") == '0,"No error"'
        assert port.query("laser:enable?") == "1"
        assert port.query("Laser:Setpoint?") == "200 mA"
        assert port.query("Laser:Power?").endswith(" mW")
        assert head.lit()
        for wrong, code in (
            ("Laser:Current 9999", "-224"),
            ("Laser:Current", "-109"),
            ("Laser:Current fast", "-102"),
            ("Laser:Enable 2", "-224"),
            ("TEC:SETpoint 50", "-224"),
            ("Nonsense 1", "-113"),
            ("Nonsense?", "-113"),
        ):
            port.write(wrong)
            assert port.query("Status?") == "3, 1"
            assert port.query("System:Error:Count?") == "1"
            assert port.query("Error?").split(",")[0] == code
        port.write("TEC:SETpoint 31.5")
        assert port.query("TEC:SETpoint?") == "31.5 C"
        for question in ("Laser:Monitor?", "Laser:Mode:PWM?", "Board:Current?", "Calibrate:Number?"):
            assert port.query(question)
        port.write("x" * 300)
        port.write("Laser:Enable 0")
        assert port.query("Laser:Enable?") == "0"
        assert not head.lit()
