"""Before light: the safety questions, the warning, and the states a client is told of."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from instrument.errors import AcquisitionAborted, DeviceRefused, LaserMayBeOn, ProtocolError
from instrument.guardian import GuardedLaser, LaserState, State
from instrument.guardian.link import Link
from instrument.guardian.permit import (
    CONFIRM_LONGEST_S,
    CONFIRM_REST_S,
    CONFIRM_TO_FIRE_S,
    REST_S,
    Confirmation,
    Permit,
)

YES = {"eyewear": True, "energetic": False, "asked_on": "page"}
WARNING_S = 0.4


@pytest.fixture
def strict(rig: Any) -> Iterator[GuardedLaser]:
    """A laser that warns and asks."""
    laser = GuardedLaser(rig.start(warning_s=WARNING_S, require_confirmation=True))
    yield laser
    laser.close()


def first_light(rig: Any) -> float:
    return next(at for at, mw in rig.changes() if mw > 0)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((True, True, "page"), "ignite"),
        ((None, True, "nobody"), "ignite"),
        ((False, False, "terminal"), "eyewear"),
        ((False, None, "nobody"), "eyewear"),
        ((None, False, "page"), "eyewear"),
        ((True, None, "page"), "energetic"),
        ((True, False, "a dream"), "asked on"),
    ],
)
def test_answers_that_forbid_the_laser(answers: tuple[Any, ...], words: str) -> None:
    permit = Permit(warning_s=0.0, required=True)
    permit.confirm(Confirmation(None, None, "nobody"), 0.0)
    with pytest.raises(DeviceRefused, match=words):
        permit.confirm(Confirmation(*answers), 0.0)
    with pytest.raises(DeviceRefused, match="questions"):
        permit.check(0.0)


def test_a_confirmation_is_good_for_one_scan() -> None:
    permit, given = Permit(warning_s=0.0, required=True), Confirmation(True, False, "page")
    permit.confirm(given, 0.0)
    permit.check(CONFIRM_TO_FIRE_S)
    with pytest.raises(DeviceRefused, match="too old"):
        permit.check(CONFIRM_TO_FIRE_S + 1)
    permit.confirm(given, 0.0)
    permit.note_lit()
    permit.note_dark(1000.0)
    permit.check(1000.0 + CONFIRM_REST_S)
    with pytest.raises(DeviceRefused, match="too old"):
        permit.check(1001.0 + CONFIRM_REST_S)
    permit.confirm(given, 0.0)
    permit.note_lit()
    permit.note_dark(CONFIRM_LONGEST_S)
    with pytest.raises(DeviceRefused, match="too old"):
        permit.check(CONFIRM_LONGEST_S + 1)
    permit.confirm(given, 0.0)
    permit.end_claim()
    with pytest.raises(DeviceRefused, match="answered"):
        permit.check(0.0)
    Permit(warning_s=0.0, required=False).check(0.0)


def test_a_scan_is_warned_of_once() -> None:
    permit = Permit(warning_s=2.0, required=False)
    assert permit.warn_s(0.0) == 2.0
    permit.note_lit()
    permit.note_dark(5.0)
    assert permit.warn_s(5.0 + REST_S) == 0.0
    assert permit.warn_s(5.1 + REST_S) == 2.0
    permit.confirm(Confirmation(None, None, "nobody"), 6.0)
    assert permit.warn_s(6.0) == 2.0, "a new scan"
    permit.note_dark(7.0)
    permit.end_claim()
    assert permit.warn_s(7.0) == 2.0, "a new client"


def test_nothing_fires_unanswered_and_unwarned(rig: Any, strict: GuardedLaser) -> None:
    with pytest.raises(DeviceRefused, match="questions"):
        strict.on()
    with pytest.raises(DeviceRefused, match="ignite"):
        strict.confirm(eyewear=True, energetic=True, asked_on="page")
    with pytest.raises(ProtocolError, match="null"):
        strict._session.request("confirm", eyewear="yes", energetic=False, asked_on="page")
    seen: list[LaserState] = []
    strict.when_changed(seen.append)
    strict.confirm(**YES)
    asked = time.monotonic()
    strict.on()
    assert first_light(rig) - asked >= WARNING_S
    assert strict.state.state is State.ON
    strict.off()
    lit_again = time.monotonic()
    strict.on()
    assert time.monotonic() - lit_again < WARNING_S, "still the same scan"
    strict.off()
    warning = next(each for each in seen if each.state is State.WARNING)
    assert warning.ends_at_s is not None
    assert abs(warning.ends_at_s - asked - WARNING_S) < 0.2
    assert [str(each.state) for each in seen] == ["off", "warning", "on", "off", "on", "off"]
    assert (seen[1].warning_left_s, seen[0].warning_left_s) == (0.0, 0.0)
    log = rig.socket_path.with_name("laser.sock.log").read_text()
    assert "asked on page, eyewear True, energetic False" in log
    assert "warning (was off): a client asked for light" in log
    assert "on (was warning)" in log


def test_off_cancels_a_warning(rig: Any) -> None:
    laser = GuardedLaser(rig.start(warning_s=5.0))
    off = threading.Timer(0.3, laser.off)
    off.start()
    asked = time.monotonic()
    with pytest.raises(DeviceRefused, match="turned off"):
        laser.on()
    assert time.monotonic() - asked < 2.0
    off.join()
    laser._session.ask("on")
    with pytest.raises(DeviceRefused, match="running already"):
        laser.on()
    assert not laser.status().emitting, "it can be asked during a warning"
    with laser.stopping(lambda: True), pytest.raises(AcquisitionAborted):
        laser.on()
    laser.off()
    with laser.stopping(lambda: laser.state.state is State.WARNING), pytest.raises(AcquisitionAborted):
        laser.on()
    laser._session.ask("on")
    laser.close()
    time.sleep(0.1)
    assert not rig.changes() or not any(mw > 0 for _, mw in rig.changes())


def test_a_lost_port_is_told_and_light_forced_off_when_it_is_back(rig: Any, laser: GuardedLaser) -> None:
    seen: list[tuple[float, LaserState]] = []
    onlooker = Link(rig.socket_path, seen=lambda message: events.append(message))
    events: list[dict[str, Any]] = []
    laser.when_changed(lambda state: seen.append((time.monotonic(), state)))
    laser.on()
    assert not laser.lost_its_light
    lost_at = time.monotonic()
    rig.program.control(once="disconnect:0.7", on="any")
    deadline = lost_at + 4
    while seen[-1][1].state is not State.OFF and time.monotonic() < deadline:
        time.sleep(0.02)
    shouted_at = next(at for at, state in seen if state.state is State.LASER_MAY_BE_ON)
    assert shouted_at - lost_at < 2.0
    assert laser.lost_its_light
    assert not rig.lit()
    assert seen[-1][1].state is State.OFF
    assert [each["state"] for each in events if "event" in each].count("laser_may_be_on") >= 1
    onlooker.close()
    status = laser.status()
    assert "went away" in status.fault
    laser.off()
    laser.on()
    assert rig.lit()
    laser.off()


def test_a_stuck_laser_is_told_within_the_time(rig: Any, laser: GuardedLaser) -> None:
    laser.on()
    rig.program.control(stuck=True)
    told: list[float] = []
    laser.when_changed(
        lambda state: told.append(time.monotonic()) if state.state is State.LASER_MAY_BE_ON else None
    )
    asked = time.monotonic()
    with pytest.raises(LaserMayBeOn):
        laser.off()
    assert told[0] - asked < 2.0
    rig.program.control(stuck=False)


def test_settings_travel(laser: GuardedLaser) -> None:
    settings = laser.settings()
    assert settings
    status = laser.status()
    assert isinstance(status.temperatures_c, dict)
    assert "on" not in settings or settings["on"] in {True, False}
