"""Test kit for drivers: a wire that knows the whole conversation, emulators as processes, contract suites.

It ships so that the author of another driver can hold it to the same rules. A driver's
suite is a subclass with a fixture ``device``::

    class TestMine(SpectrometerContract):
        @pytest.fixture
        def device(self):
            with running_emulator("obp", "--model", "STS", "--pty") as info:
                device = open_spectrometer(f"obp+serial://{info['address']}?model=STS&baud=115200")
                yield device
                device.close()
"""

import json
import math
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from .errors import AcquisitionAborted, InstrumentError, SettingOutOfRange
from .interfaces import Laser, Spectrometer
from .transport.stream import WireStream
from .transport.transcript import Transcript, read_transcript

#: One step of a conversation: what the driver has to write, and what the device then answers. None for
#: nothing written (the device speaks unasked) or nothing answered; an exception happens to the next read.
Exchange = tuple[bytes | None, bytes | Exception | None]

#: An emulator imports NumPy before it speaks; on a busy machine that takes seconds.
START_TIMEOUT_S = 30.0


class TranscriptStream(WireStream):
    """A wire with one conversation written down beforehand.

    Wrong bytes fail where they are written; bytes never written, and answers never read, fail at
    `assert_finished`, which leaving the ``with`` block calls.

    Parameters
    ----------
    exchanges
        The conversation, in order.
    fragment
        Most bytes given to the driver at once.
    """

    def __init__(
        self, exchanges: Sequence[Exchange], *, fragment: int = 1 << 16, transcript: Transcript | None = None
    ) -> None:
        super().__init__("transcript", transcript=transcript)
        self._ahead = deque(exchanges)
        self._fragment = fragment
        self._written = bytearray()
        self._answers: deque[bytes | Exception] = deque()
        self._speak_unasked()

    def assert_finished(self) -> None:
        """Fail unless the whole conversation took place."""
        assert not self._written, f"written, but only the start of what is due: {bytes(self._written)!r}"
        assert not self._ahead, f"never written: {self._ahead[0][0]!r} and {len(self._ahead) - 1} more"
        assert not self._answers, f"never read: {self._answers[0]!r}"
        assert not self._surplus, f"never used: {bytes(self._surplus)!r}"

    def __exit__(self, *error: object) -> None:
        self.close()
        if error[0] is None:
            self.assert_finished()

    def _send(self, data: bytes, timeout_s: float) -> None:
        self._written += data
        while self._written:
            assert self._ahead, f"nothing more is due, but written: {bytes(self._written)!r}"
            due, answer = self._ahead[0]
            assert due is not None
            if not self._written.startswith(due):
                assert due.startswith(self._written), f"due {due!r}, written {bytes(self._written)!r}"
                return
            del self._written[: len(due)]
            self._ahead.popleft()
            if answer is not None:
                self._answers.append(answer)
            self._speak_unasked()

    def _speak_unasked(self) -> None:
        while self._ahead and self._ahead[0][0] is None:
            answer = self._ahead.popleft()[1]
            if answer is not None:
                self._answers.append(answer)

    def _receive(self, limit: int, wait_s: float) -> bytes:
        if not self._answers:
            # Nothing can come any more; a driver that asks again and again shall not spin.
            time.sleep(min(wait_s, 0.005))
            return b""
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        size = min(limit, self._fragment)
        if len(answer) > size:
            self._answers.appendleft(answer[size:])
        return answer[:size]

    def _shut(self) -> None:
        """Nothing to let go of."""


@contextmanager
def running_emulator(kind: str, *options: str) -> Iterator[dict[str, Any]]:
    """Run ``python -m instrument.emulators KIND OPTIONS`` and yield its start-up line.

    The process is under ``"process"`` of what is yielded; it is ended with the block.
    """
    command = [sys.executable, "-m", "instrument.emulators", kind, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], START_TIMEOUT_S)[0], "the emulator says nothing"
            line = process.stdout.readline()
            assert line, f"the emulator ended with {process.wait(5)}"
            yield {**json.loads(line), "process": process}
        finally:
            process.terminate()
            process.wait(10)


class SpectrometerContract:
    """What every spectrometer driver has to keep; subclasses give a fixture ``device``.

    The device behind it must be able to expose for 0.02 s and for 2 s.
    """

    def test_says_what_it_is(self, device: Spectrometer) -> None:
        """Model, serial number and limits are there."""
        assert device.info.model
        assert device.info.serial
        assert device.limits.pixels > 1
        assert 0 < device.limits.exposure_min_s < device.limits.exposure_max_s

    def test_axis_ascends_and_cannot_be_changed(self, device: Spectrometer) -> None:
        """One value a pixel, ascending, read-only."""
        axis = device.axis()
        assert axis.shape == (device.limits.pixels,)
        assert (np.diff(axis) > 0).all()
        assert not axis.flags.writeable

    def test_counts_are_those_of_one_exposure(self, device: Spectrometer) -> None:
        """Finite counts, one a pixel, within the detector's range, read-only."""
        device.set_exposure(0.02)
        counts = device.acquire()
        assert counts.shape == (device.limits.pixels,)
        assert np.isfinite(counts).all()
        assert not counts.flags.writeable
        if device.limits.saturation_counts is not None:
            assert counts.max() <= device.limits.saturation_counts

    def test_exposure_outside_the_limits_is_refused(self, device: Spectrometer) -> None:
        """Too short, too long and no number at all; the old exposure stands."""
        device.set_exposure(0.02)
        for seconds in (-1.0, 0.0, device.limits.exposure_max_s * 1.01, math.nan, math.inf):
            _fails_with(SettingOutOfRange, partial(device.set_exposure, seconds))
        assert math.isclose(device.settings()["exposure_s"], 0.02)

    def test_stop_is_heard_within_50_ms(self, device: Spectrometer) -> None:
        """An exposure is given up at once."""
        device.set_exposure(2.0)
        asked: list[float] = []

        def stop() -> bool:
            asked.append(time.monotonic())
            return asked[-1] - asked[0] > 0.1

        _fails_with(AcquisitionAborted, partial(device.acquire, stop=stop))
        # 50 ms are promised; the rest is for a machine that has other things to do.
        assert max(np.diff(asked)) < 0.15
        assert len(asked) > 2

    def test_settings_are_json(self, device: Spectrometer) -> None:
        """A snapshot that can be stored."""
        assert json.loads(json.dumps(device.settings(), allow_nan=False))["exposure_s"] > 0

    def test_closing_twice_is_fine_and_using_afterwards_is_not(self, device: Spectrometer) -> None:
        """A closed device says so."""
        device.close()
        device.close()
        _fails_with(InstrumentError, device.acquire)

    def test_every_byte_is_on_record(self, device: Spectrometer) -> None:
        """The transcript holds together."""
        transcript: Transcript = device.transcript  # type: ignore[attr-defined]
        assert {entry.direction for entry in read_transcript(transcript.to_bytes())} >= {"w", "r"}


class LaserContract:
    """What every laser driver has to keep; subclasses give a fixture ``device``, freshly opened."""

    def test_is_off_and_at_its_lowest_after_opening(self, device: Laser) -> None:
        """Opening forces off and sets a safe power."""
        status = device.status()
        assert not status.emitting
        assert status.setpoint_mw == 0.0

    def test_says_what_it_is(self, device: Laser) -> None:
        """Model, serial number, wavelength and greatest power are there."""
        assert device.info.model
        assert device.info.serial
        assert 200 <= device.wavelength_nm <= 2000
        assert device.max_power_mw > 0

    def test_goes_on_at_the_power_asked_for_and_off_again(self, device: Laser) -> None:
        """Each step is read back."""
        device.set_power(device.max_power_mw / 10)
        device.on()
        status = device.status()
        assert status.emitting
        assert status.interlock_closed
        assert not status.fault
        assert math.isclose(status.setpoint_mw, device.max_power_mw / 10, rel_tol=1e-3)
        device.off()
        device.off()
        assert not device.status().emitting

    def test_power_outside_the_limits_is_refused(self, device: Laser) -> None:
        """Too much, too little, no number."""
        for power in (-1.0, device.max_power_mw * 1.01, math.nan):
            _fails_with(SettingOutOfRange, partial(device.set_power, power))

    def test_closing_twice_is_fine_and_using_afterwards_is_not(self, device: Laser) -> None:
        """A closed laser says so."""
        device.close()
        device.close()
        _fails_with(InstrumentError, device.status)


def _fails_with(error: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{error.__name__} was due")
