"""Test kit for drivers: contract suites, a wire that knows the whole conversation, emulators as processes.

It ships so that the author of another driver can hold it to the same rules. Register a rig (see
`instrument.testing_rigs`), then subclass the suite of its kind with a fixture ``device``::

    class TestMySpectrometer(SpectrometerContract):
        @pytest.fixture(params=rigged("spectrometer"))
        def device(self, request):
            with on_rig("spectrometer", request.param) as url:
                opened = open_spectrometer(url)
                yield opened
                opened.close()

What a device cannot do, by its capabilities, is skipped with the reason.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np

from .errors import AcquisitionAborted, InstrumentError, SettingOutOfRange, UnknownSetting
from .interfaces import Capability, Laser, Setting, Spectrometer, Unit
from .testing_devices import OUR_RIGS
from .testing_rigs import on_rig, rig, rigged, running_emulator, running_program, without_rig
from .testing_wire import Exchange, TranscriptStream
from .transport.transcript import Transcript, read_transcript

__all__ = [
    "OUR_RIGS",
    "DriverContract",
    "Exchange",
    "LaserContract",
    "SpectrometerContract",
    "TranscriptStream",
    "UnitContract",
    "on_rig",
    "rig",
    "rigged",
    "running_emulator",
    "running_program",
    "without_rig",
]

#: The interface promises 50 ms between two stop questions; the rest is for a machine with other work.
STOP_WITHIN_S = 0.15


class DriverContract:
    """What every driver has to keep, spectrometer or laser."""

    def test_says_what_it_is(self, device: Spectrometer | Laser) -> None:
        """Model and serial number are there, and the URL it was opened by."""
        assert device.info.model
        assert device.info.serial or _has_files(device)
        assert device.info.url

    def test_snapshot_and_status_are_json(self, device: Spectrometer | Laser) -> None:
        """Both can be stored with a scan."""
        assert _as_json(device.settings())
        assert _as_json(asdict(device.status()))

    def test_closing_twice_is_fine_and_using_afterwards_is_not(self, device: Spectrometer | Laser) -> None:
        """A closed device says so."""
        device.close()
        device.close()
        _fails_with(InstrumentError, device.status)

    def test_every_byte_is_on_record(self, device: Spectrometer | Laser) -> None:
        """The transcript holds together."""
        if _has_files(device) and not hasattr(device, "transcript"):
            raise SkipTest(f"{device.info.model} has no wire, only files")
        device.status()
        transcript: Transcript = device.transcript  # type: ignore[union-attr]
        assert {entry.direction for entry in read_transcript(transcript.to_bytes())} >= {"w", "r"}


class SpectrometerContract(DriverContract):
    """What every spectrometer driver has to keep.

    The device behind it must be able to expose for 0.05 s and for 2 s, unless it times itself.
    """

    def test_limits_make_sense(self, device: Spectrometer) -> None:
        """Pixels and exposures; a device with files tells its pixels with the first spectrum."""
        assert device.limits.pixels > 1 or _has_files(device)
        if Capability.EXPOSURE in device.capabilities:
            assert 0 < device.limits.exposure_min_s < device.limits.exposure_max_s

    def test_axis_ascends_and_cannot_be_changed(self, device: Spectrometer) -> None:
        """One value a pixel, ascending, read-only."""
        counts = device.acquire() if _has_files(device) else None
        axis = device.axis()
        assert axis.shape == ((device.limits.pixels,) if counts is None else counts.shape)
        assert (np.diff(axis) > 0).all()
        assert not axis.flags.writeable

    def test_counts_are_those_of_one_exposure(self, device: Spectrometer) -> None:
        """Finite counts, one a pixel, within the detector's range, read-only."""
        if Capability.EXPOSURE in device.capabilities:
            device.set_exposure(0.05)
        counts = device.acquire()
        assert counts.shape == device.axis().shape
        assert np.isfinite(counts).all()
        assert not counts.flags.writeable
        if device.limits.saturation_counts is not None:
            assert counts.max() <= device.limits.saturation_counts

    def test_exposure_outside_the_limits_is_refused(self, device: Spectrometer) -> None:
        """Too short, too long and no number at all; the old exposure stands."""
        _needs(device, Capability.EXPOSURE)
        device.set_exposure(0.05)
        for seconds in (-1.0, 0.0, device.limits.exposure_max_s * 1.01, math.nan, math.inf):
            _fails_with(SettingOutOfRange, partial(device.set_exposure, seconds))
        assert math.isclose(device.settings()["exposure_s"], 0.05)

    def test_stop_is_heard_within_50_ms(self, device: Spectrometer) -> None:
        """An exposure is given up at once, and the next one is a good one."""
        if Capability.EXPOSURE in device.capabilities:
            device.set_exposure(2.0)
        asked: list[float] = []

        def stop() -> bool:
            asked.append(time.monotonic())
            return asked[-1] - asked[0] > 0.1

        _fails_with(AcquisitionAborted, partial(device.acquire, stop=stop))
        assert max(np.diff(asked)) < STOP_WITHIN_S
        assert len(asked) > 2

    def test_every_setting_has_limits_and_is_in_the_snapshot(self, device: Spectrometer) -> None:
        """Names once, a meaning, and limits or choices for what can be set."""
        offered = device.available_settings()
        assert len({one.name for one in offered}) == len(offered)
        snapshot = device.settings()
        for one in offered:
            assert one.meaning, one
            assert one.name in snapshot, one
            assert not one.writable or one.choices or (one.low is not None and one.high is not None), one
            assert one.low is None or one.high is None or one.low <= one.high, one

    def test_settings_can_be_set_to_what_they_are(self, device: Spectrometer) -> None:
        """What the snapshot says is what ``set`` takes, and it reads back."""
        before = device.settings()
        for one in _writable(device, before):
            device.set(one.name, before[one.name])
        after = device.settings()
        assert {one.name: after[one.name] for one in _writable(device, before)} == {
            one.name: before[one.name] for one in _writable(device, before)
        }

    def test_settings_outside_their_limits_are_refused(self, device: Spectrometer) -> None:
        """Too little, too much, no number, an unknown word, an unknown name; nothing changes."""
        before = device.settings()
        for one in _writable(device, before):
            for value in _outside(one):
                _fails_with(SettingOutOfRange, partial(device.set, one.name, value))
        _fails_with(UnknownSetting, partial(device.set, "no such setting", 1.0))
        after = device.settings()
        assert {one.name: after[one.name] for one in _writable(device, before)} == {
            one.name: before[one.name] for one in _writable(device, before)
        }


class LaserContract(DriverContract):
    """What every laser driver has to keep; ``device`` is freshly opened for each test."""

    def test_is_off_and_at_its_lowest_after_opening(self, device: Laser) -> None:
        """Opening forces off and sets a safe power."""
        status = device.status()
        assert not status.emitting
        assert status.setpoint_mw == 0.0

    def test_says_how_strong_it_is(self, device: Laser) -> None:
        """Wavelength and greatest power are there."""
        assert 200 <= device.wavelength_nm <= 2000
        assert device.max_power_mw > 0

    def test_goes_on_at_the_power_asked_for_and_off_again(self, device: Laser) -> None:
        """Each step is read back."""
        device.set_power(device.max_power_mw / 2)
        device.on()
        status = device.status()
        assert status.emitting
        assert status.interlock_closed
        assert not status.fault
        assert math.isclose(status.setpoint_mw, device.max_power_mw / 2, rel_tol=1e-2)
        device.off()
        device.off()
        assert not device.status().emitting

    def test_power_outside_the_limits_is_refused(self, device: Laser) -> None:
        """Too much, too little, no number."""
        for power in (-1.0, device.max_power_mw * 1.01, math.nan):
            _fails_with(SettingOutOfRange, partial(device.set_power, power))


class UnitContract:
    """What a spectrometer with its own laser has to keep besides; fixture ``device`` is a `Unit`."""

    def test_no_light_before_it_is_asked_for(self, device: Unit) -> None:
        """Opening forces off."""
        assert not device.laser.status().emitting

    def test_light_is_in_the_spectrum_and_goes_with_the_laser(self, device: Unit) -> None:
        """One light path: brighter with the laser on."""
        device.spectrometer.set_exposure(0.1)
        device.laser.set_power(device.laser.max_power_mw)
        dark = device.spectrometer.acquire()
        device.laser.on()
        lit = device.spectrometer.acquire()
        device.laser.off()
        assert float(lit.max()) > float(dark.max())
        assert not device.laser.status().emitting

    def test_laser_goes_off_during_an_exposure_that_is_stopped(self, device: Unit) -> None:
        """The port is shared: an exposure must not keep the laser on."""
        device.spectrometer.set_exposure(2.0)
        device.laser.on()
        begun = time.monotonic()
        _fails_with(
            AcquisitionAborted,
            partial(device.spectrometer.acquire, stop=lambda: time.monotonic() - begun > 0.2),
        )
        device.laser.off()
        assert time.monotonic() - begun < 2.0


def _has_files(device: Spectrometer | Laser) -> bool:
    return Capability.FILES in getattr(device, "capabilities", ())


def _needs(device: Spectrometer, capability: Capability) -> None:
    if capability not in device.capabilities:
        raise SkipTest(f"{device.info.model} has no {capability}")


def _writable(device: Spectrometer, snapshot: Mapping[str, Any]) -> list[Setting]:
    """Return what can be set and has a value at the moment."""
    return [one for one in device.available_settings() if one.writable and snapshot[one.name] is not None]


def _outside(one: Setting) -> list[Any]:
    if one.choices:
        return ["no such choice"]
    low, high = one.low or 0.0, one.high or 0.0
    return [low - max(1.0, abs(low)), high + max(1.0, abs(high)), math.nan]


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def _fails_with(error: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{error.__name__} was due")
