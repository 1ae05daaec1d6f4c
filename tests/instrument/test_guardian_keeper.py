"""The guardian's parts in one process, over a real emulator: what comes on by itself, what breaks, what floods."""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument.errors import (
    DeviceRefused,
    DeviceTimeout,
    InstrumentError,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
)
from instrument.guardian import State, connections, keeper, operating, port
from instrument.guardian.connections import Mailbox
from instrument.guardian.jobs import Job, laser_status, number, plain, spectrometer_status
from instrument.guardian.keeper import LaserKeeper
from instrument.guardian.link import Link
from instrument.guardian.marker import Marker
from instrument.guardian.permit import Permit
from instrument.guardian.port import LaserPort, OwnedDevice, opener
from instrument.guardian.relief import Relief
from instrument.guardian.server import GuardianServer
from instrument.guardian.socket_file import bind_socket
from instrument.guardian.states import Ledger, state_from
from instrument.guardian.wire import MAX_REPLY, decode_array, encode, encode_array
from instrument.transport.transcript import read_transcript


def wait_until(true: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Held:
    """A keeper and what it keeps."""

    def __init__(self, rig: Any, folder: Path, open_device: Callable[[], OwnedDevice] | None = None) -> None:
        self.marker = Marker(folder / "armed")
        self.port = LaserPort(open_device or opener(rig.url), power_mw=100.0, marker=self.marker)
        self.keeper = LaserKeeper(
            self.port, Permit(warning_s=0.0, required=False), max_on_s=30.0, changed=lambda: None
        )
        self.keeper.start()

    @property
    def state(self) -> str:
        return str(self.keeper.snapshot()["state"])

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        replies: list[dict[str, Any]] = []
        self.keeper.submit(Job(op, fields, replies.append))
        wait_until(lambda: replies)
        return replies[0]

    def close(self) -> None:
        self.keeper.turn_off_and_wait("the test ends")
        self.keeper.close()


@pytest.fixture
def hold(rig: Any, short_dir: Path) -> Iterator[Callable[..., Held]]:
    made: list[Held] = []

    def make(open_device: Callable[[], OwnedDevice] | None = None) -> Held:
        made.append(Held(rig, short_dir, open_device))
        return made[-1]

    yield make
    rig.program.control(stuck=False, faults="", interlock="closed", fault=0)
    for each in made:
        each.close()


def test_a_laser_that_comes_on_by_itself_is_turned_off(
    rig: Any, hold: Callable[..., Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "IDLE_POLL_S", 0.1)
    held = hold()
    held.keeper.note_claim(True)
    wait_until(lambda: held.state == "off")
    held.ask("transcript")
    time.sleep(0.3)
    assert len(held.ask("transcript")["transcript"]) < 5000, "not every question of the night"
    # The keeper may have it off again before it is asked whether it came on.
    with suppress(DeviceRefused):
        held.port.laser.on()
    wait_until(lambda: "emitted though" in held.keeper.snapshot()["reason"])
    assert not rig.lit()
    assert not held.marker.present
    rig.program.control(stuck=True)
    held.port.laser.on()
    wait_until(lambda: held.state == "laser_may_be_on")
    assert held.marker.present, "its successor is to know"
    rig.program.control(stuck=False)
    wait_until(lambda: held.state == "off")
    assert not held.marker.present


def test_a_port_that_comes_back_while_claimed_is_found(
    rig: Any, hold: Callable[..., Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "LOOK_AGAIN_S", 0.1)
    there = False

    def open_device() -> OwnedDevice:
        if not there:
            raise PortNotFound("not plugged in")
        return opener(rig.url)()

    held = hold(open_device)
    held.keeper.note_claim(True)
    wait_until(lambda: held.state == "unreachable")
    assert held.ask("on")["error"] == "PortNotFound"
    there = True
    wait_until(lambda: held.state == "off")
    assert held.ask("set_power", power_mw=20.0)["ok"]
    assert held.ask("set_power", power_mw="much")["error"] == "ProtocolError"
    assert held.ask("spectrometer.axis")["error"] == "DeviceRefused"


def test_clumsy_drivers_do_not_keep_the_light_on(
    rig: Any, hold: Callable[..., Held], caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy:
        """A driver of somebody else: no transcript, errors of its own, closing fails."""

        def __init__(self) -> None:
            self._sound = opener(rig.url)().laser
            self.info = self._sound.info
            self.wavelength_nm, self.max_power_mw = 785.0, 500.0
            self.breaks: Exception | None = None

        def __getattr__(self, name: str) -> Any:
            if name == "transcript":
                raise AttributeError(name)
            if self.breaks is not None and name == "status":
                raise self.breaks
            return getattr(self._sound, name)

        def close(self) -> None:
            self._sound.close()
            raise KeyError("closed twice")

    made: list[Clumsy] = []

    def open_device() -> OwnedDevice:
        made.append(Clumsy())
        return OwnedDevice(made[-1], None, made[-1].close)

    held = hold(open_device)
    wait_until(lambda: held.state == "off")
    assert held.ask("transcript")["transcript"] == ""
    assert held.ask("on")["ok"]
    assert rig.lit()
    made[-1].breaks = ZeroDivisionError("a mistake in a driver")
    reply = held.ask("status")
    assert "ZeroDivisionError" in reply["message"]
    assert not rig.lit()
    made[-1].breaks = None
    with caplog.at_level(logging.WARNING):
        held.port.close()
    assert "closed twice" in caplog.text
    assert not held.ask("status")["ok"], "the driver is gone, and the laser is off"
    wait_until(lambda: held.state == "off")


def test_a_marker_that_cannot_be_written_or_removed(
    rig: Any, short_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (short_dir / "armed").mkdir()
    caplog.set_level(logging.WARNING)
    held = Held(rig, short_dir)
    wait_until(lambda: held.state == "off")
    assert "cannot be removed" in caplog.text
    assert held.ask("on")["error"] == "DeviceRefused"
    held.port.suspect()
    assert "not firing" in caplog.text
    assert not rig.lit()
    held.close()


def test_transcripts_are_bounded_and_come_in_pieces(
    hold: Callable[..., Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instrument.guardian.jobs.MAX_PIECE", 1000)
    held = hold()
    wait_until(lambda: held.state == "off")
    pieces = [held.ask("transcript", first=True)]
    while pieces[-1]["more"]:
        pieces.append(held.ask("transcript", first=False))
    assert len(pieces) > 3
    assert read_transcript("".join(each["transcript"] for each in pieces).encode())
    monkeypatch.setattr(port, "KEPT_BYTES", 10)
    for _ in range(3):
        held.ask("status")
        held.port.set_aside()
    assert len(held.port._transcripts) == 1
    held.ask("transcript")


def test_more_requests_than_anybody_needs_are_refused(
    rig: Any, hold: Callable[..., Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "MAX_JOBS", 2)
    held = hold()
    replies: list[dict[str, Any]] = []

    def flood() -> None:
        for _ in range(200):
            held.keeper.submit(Job("status", {}, replies.append))

    with pytest.raises(DeviceRefused, match="more to do"):
        flood()
    held.keeper.demand_off("enough", replies.append)
    wait_until(lambda: any(each.get("reason") == "enough" for each in replies))
    assert not rig.lit()


def test_an_impossible_change_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []
    ledger = Ledger(lambda: told.append(1))
    ledger.enter(State.OFF, "read back")
    ledger.enter(State.OFF, "again")
    assert "mistake" not in caplog.text
    ledger.enter(State.LASER_MAY_BE_ON, "lost", LaserMayBeOn("it was lost"))
    ledger.enter(State.WARNING, "a mistake")
    assert "a mistake in the guardian" in caplog.text
    assert ledger.known.state is State.WARNING
    assert len(told) == 4
    assert state_from({"state": "dancing"}) is None
    known = replace(ledger.known, state=State.LASER_MAY_BE_ON, error=LaserMayBeOn("no answer"))
    told_state = state_from(known.fields())
    assert told_state is not None
    assert told_state.reason == "a mistake: no answer"


def test_what_cannot_travel_is_refused() -> None:
    with pytest.raises(ProtocolError, match="passed on"):
        encode({"power": math.nan})
    with pytest.raises(ProtocolError, match="passed on"):
        encode({"driver": object()})
    with pytest.raises(ProtocolError, match="bytes"):
        encode({"text": "x" * MAX_REPLY})
    numbers = np.linspace(0.0, 1.0, 7)
    assert (decode_array(encode_array(numbers), "axis") == numbers).all()
    for text in ("*", "AAAA", encode_array(np.array([np.nan]))):
        with pytest.raises(ProtocolError, match="axis"):
            decode_array(text, "axis")
    for build in (laser_status, spectrometer_status):
        with pytest.raises(ProtocolError, match="status"):
            build({"nonsense": 1})
    for value in (True, "1", None):
        with pytest.raises(ProtocolError, match="number"):
            number({"value": value}, "value")
    assert plain({"a": (1, {"b"}), "c": State.ON}) == {"a": [1, ["b"]], "c": "on"}


@pytest.fixture
def server(rig: Any, short_dir: Path) -> Iterator[tuple[Path, GuardianServer]]:
    """A guardian's loop in a thread of this process."""
    mailbox, (ours, theirs) = Mailbox(), socket.socketpair()
    device = LaserPort(opener(rig.url), power_mw=100.0, marker=Marker(short_dir / "armed"))
    kept = LaserKeeper(device, Permit(warning_s=0.0, required=False), max_on_s=30.0, changed=mailbox.wake)
    path = short_dir / "here.sock"
    listener = bind_socket(path)
    server = GuardianServer(
        *(listener, kept, mailbox),
        about={},
        idle_s=60.0,
        owns=lambda: True,
        relief=Relief(theirs, os.getppid()),
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    yield path, server
    server.stop("the test ends")
    thread.join(10)
    for each in (mailbox, listener, ours, theirs):
        each.close()


def test_a_client_that_does_not_read_is_dropped(
    server: tuple[Path, GuardianServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_WAITING", 20_000)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(server[0]))
        sock.settimeout(5)

        def flood() -> None:
            for _ in range(50_000):
                sock.sendall(b'{"op":"hello"}\n' * 20)

        with pytest.raises(OSError):
            flood()
    link = Link(server[0])
    assert link.request("hello", timeout_s=5)["ok"]
    assert not link.request("hello", timeout_s=5)["ending"]
    with pytest.raises(DeviceTimeout):
        link.request("beat", timeout_s=0.1)
    link.close()


def test_a_guardian_that_ends_fires_no_more(
    rig: Any, server: tuple[Path, GuardianServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Link(server[0])
    link.request("claim", timeout_s=5)
    link.request("on", timeout_s=5)
    assert rig.lit()
    rig.program.control(stuck=True)
    server[1].stop("somebody asked")
    wait_until(lambda: link.request("hello", timeout_s=5)["state"] == "laser_may_be_on")
    with pytest.raises(InstrumentError, match="ending"):
        link.request("on", timeout_s=5)
    rig.program.control(stuck=False)
    wait_until(lambda: not link.alive)
    assert not rig.lit()
    link.close()
