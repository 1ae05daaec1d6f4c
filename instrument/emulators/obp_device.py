"""The emulated Ocean Optics device: its settings, and what each message number does with them."""

import struct
from collections.abc import Callable

import numpy as np

from ..obp_numbers import ErrorNumber, MessageType
from .detector import Detector, Exposure
from .light import LightLog
from .obp_models import ObpModel, SpectrumLayout
from .physics import binned

#: Power of the Ventana's laser at intensity 1, mW.
LASER_MAX_MW = 200.0
_SERIAL_MAX = 16
_FIRMWARE = 0x0110
_AMBIENT_C = 24.5

Handler = Callable[[bytes], bytes]


class Refusal(Exception):
    """The device refuses a message; `error` goes into the NACK."""

    def __init__(self, error: ErrorNumber) -> None:
        super().__init__(error.name)
        self.error = error


class ObpDevice:
    """State behind the messages, shared by all clients of one emulator.

    `queries` answer with data, `commands` only acknowledge; each entry is (operand length, handler).
    """

    def __init__(
        self, model: ObpModel, serial: str, detector: Detector, laser: LightLog | None = None
    ) -> None:
        self.model, self.serial, self.detector, self.laser = model, serial[:_SERIAL_MAX], detector, laser
        self.exposure_us = max(100_000, model.exposure_us[0])
        self.averages, self.boxcar, self.binning = 1, 0, 0
        self.trigger, self.lamp, self.checksum, self.baud = 0, 0, 0, 9600
        self.cooler_on, self.cooler_fan, self.setpoint_c = 0, 0, -10.0
        self.laser_on, self.laser_intensity = 0, 1.0
        self.queries: dict[int, tuple[int, Handler]] = {}
        self.commands: dict[int, tuple[int, Handler]] = {}
        self._learn_identity()
        self._learn_acquisition()
        self._learn_calibration()
        if model.cooler:
            self._learn_cooler()
        if model.laser:
            self._learn_laser()

    def begin(self) -> Exposure:
        """Start the exposure a spectrum request asks for."""
        return self.detector.begin(self.exposure_us * 1e-6, self.averages)

    def spectrum(self, exposure: Exposure, kind: int) -> bytes:
        """Return the operand of a spectrum reply."""
        corrected = kind == MessageType.CORRECTED_SPECTRUM
        counts = self.detector.finish(exposure, boxcar_width=self.boxcar, corrected=corrected)
        if self.binning:
            counts = np.rint(binned(counts, self.binning))
        if self.model.layout is SpectrumLayout.U16:
            return counts.astype("<u2").tobytes()
        head = struct.pack(
            "<IQI", self.detector.spectra_read, exposure.start_ns // 1000, round(exposure.exposure_s * 1e6)
        )
        return head.ljust(32, b"\0") + counts.astype("<u4").tobytes()

    def _learn_identity(self) -> None:
        fixed = {
            MessageType.HARDWARE_REVISION: b"\x01",
            MessageType.FIRMWARE_REVISION: struct.pack("<H", _FIRMWARE),
            MessageType.FPGA_REVISION: struct.pack("<H", _FIRMWARE),
            MessageType.SERIAL_NUMBER: self.serial.encode("ascii"),
            MessageType.SERIAL_NUMBER_LENGTH: bytes([_SERIAL_MAX]),
            MessageType.ORIGINAL_VENDOR_ID: struct.pack("<H", 0x2457),
            MessageType.ORIGINAL_PRODUCT_ID: struct.pack("<H", self.model.product_id),
            MessageType.ORIGINAL_MANUFACTURER: b"opioscan emulator",
            MessageType.ORIGINAL_DEVICE_NAME: self.model.name.encode("ascii"),
            MessageType.TEMPERATURE_COUNT: b"\x01",
            MessageType.TEMPERATURES: struct.pack("<f", _AMBIENT_C),
        }
        self._answer(fixed)
        self.queries[MessageType.TEMPERATURE] = (1, self._temperature)
        self._setting(MessageType.GET_BAUD, MessageType.SET_BAUD, "baud", "<I", (1200, 4_000_000))
        self._setting(None, MessageType.SET_CHECKSUM_TYPE, "checksum", "<B", (0, 1))

    def _learn_acquisition(self) -> None:
        low, high = self.model.exposure_us
        full_scale = struct.pack("<I", self.model.chip.full_scale)
        dark = [pixel for part in self.model.blind for pixel in part]
        sighted = (dark[1] + 1, dark[2] - 1) if dark else (0, self.model.pixels - 1)
        fixed = {
            MessageType.MIN_INTEGRATION_TIME: struct.pack("<I", low),
            MessageType.MAX_INTEGRATION_TIME: struct.pack("<I", high),
            MessageType.INTEGRATION_TIME_STEP: struct.pack("<I", 1),
            MessageType.MAX_ADC_COUNTS: full_scale,
            MessageType.SATURATION_LEVEL: full_scale,
            MessageType.ACTIVE_PIXELS: struct.pack("<2I", *sighted),
            MessageType.OPTICAL_DARK_PIXELS: struct.pack(f"<{len(dark)}I", *dark),
            MessageType.ELECTRIC_DARK_PIXELS: b"",
            MessageType.DEVICE_IDLE: b"\x01",
            MessageType.MAX_BINNING: bytes([self.model.max_binning]),
            MessageType.DEFAULT_BINNING: b"\0",
        }
        self._answer(fixed)
        self.queries[MessageType.PIXEL_COUNT] = (0, self._pixel_count)
        self.commands[MessageType.ABORT_ACQUISITION] = (0, lambda _: b"")
        # Python-seabreeze and the C library clear the QE Pro's buffer before each spectrum.
        self.commands[0x00100830] = (0, lambda _: b"")
        types, setting = MessageType, self._setting
        setting(types.GET_INTEGRATION_TIME, types.SET_INTEGRATION_TIME, "exposure_us", "<I", (low, high))
        setting(types.GET_TRIGGER_MODE, types.SET_TRIGGER_MODE, "trigger", "<B", (0, 0))
        setting(types.GET_AVERAGES, types.SET_AVERAGES, "averages", "<H", (1, 5000))
        setting(types.GET_BOXCAR, types.SET_BOXCAR, "boxcar", "<B", (0, 15))
        setting(types.GET_BINNING, types.SET_BINNING, "binning", "<B", (0, self.model.max_binning))
        setting(types.GET_LAMP, types.SET_LAMP, "lamp", "<B", (0, 1))

    def _learn_calibration(self) -> None:
        nonlinearity = (1.0, *([0.0] * 7))
        for count, one, values in (
            (MessageType.WAVELENGTH_COUNT, MessageType.WAVELENGTH_COEFFICIENT, self.model.coefficients),
            (MessageType.NONLINEARITY_COUNT, MessageType.NONLINEARITY_COEFFICIENT, nonlinearity),
            (MessageType.STRAY_LIGHT_COUNT, MessageType.STRAY_LIGHT_COEFFICIENT, (0.0, 0.0)),
        ):
            self._answer({count: bytes([len(values)])})
            self.queries[one] = (1, _picker(values))

    def _learn_cooler(self) -> None:
        types, setting = MessageType, self._setting
        setting(types.GET_COOLER_ENABLE, types.SET_COOLER_ENABLE, "cooler_on", "<B", (0, 1))
        setting(types.GET_COOLER_SETPOINT, types.SET_COOLER_SETPOINT, "setpoint_c", "<f", (-40.0, 30.0))
        setting(types.GET_COOLER_FAN, types.SET_COOLER_FAN, "cooler_fan", "<B", (0, 1))
        self.queries[types.COOLER_STABLE] = (0, lambda _: b"\x01")
        self.queries[types.COOLER_TEMPERATURE] = (
            0,
            lambda _: struct.pack("<f", self.setpoint_c if self.cooler_on else _AMBIENT_C),
        )

    def _learn_laser(self) -> None:
        self.queries[MessageType.GET_LASER_ENABLE] = (2, lambda o: _addressed(o) or bytes([self.laser_on]))
        self.queries[MessageType.GET_LASER_INTENSITY] = (
            2,
            lambda o: _addressed(o) or struct.pack("<f", self.laser_intensity),
        )
        self.commands[MessageType.SET_LASER_ENABLE] = (3, self._set_laser)
        self.commands[MessageType.SET_LASER_INTENSITY] = (6, self._set_laser)

    def _set_laser(self, operand: bytes) -> bytes:
        """Carry out a laser command: address, then u8 on or f32 intensity."""
        _addressed(operand[:2])
        value = operand[2] if len(operand) == 3 else struct.unpack("<f", operand[2:])[0]
        if not 0 <= value <= 1:
            raise Refusal(ErrorNumber.INVALID_DATA)
        if len(operand) == 3:
            self.laser_on = value
        else:
            self.laser_intensity = value
        if self.laser is not None:
            self.laser.set_power(self.laser_on * self.laser_intensity * LASER_MAX_MW)
        return b""

    def _answer(self, fixed: dict[MessageType, bytes]) -> None:
        for kind, operand in fixed.items():
            self.queries[kind] = (0, _constant(operand))

    def _setting(
        self, get: int | None, put: int, name: str, layout: str, limits: tuple[float, float]
    ) -> None:
        """Learn a number that can be read and set within limits."""

        def read(_: bytes) -> bytes:
            return struct.pack(layout, getattr(self, name))

        def write(operand: bytes) -> bytes:
            (value,) = struct.unpack(layout, operand)
            if not limits[0] <= value <= limits[1]:
                raise Refusal(ErrorNumber.INVALID_DATA)
            setattr(self, name, value)
            return b""

        if get is not None:
            self.queries[get] = (0, read)
        self.commands[put] = (struct.calcsize(layout), write)

    def _pixel_count(self, _: bytes) -> bytes:
        return struct.pack("<H", self.model.pixels >> self.binning)

    def _temperature(self, operand: bytes) -> bytes:
        if operand[0] != 0:
            raise Refusal(ErrorNumber.NO_SUCH_INFORMATION)
        return struct.pack("<f", _AMBIENT_C)


def _constant(operand: bytes) -> Handler:
    return lambda _: operand


def _picker(values: tuple[float, ...]) -> Handler:
    def pick(operand: bytes) -> bytes:
        if operand[0] >= len(values):
            raise Refusal(ErrorNumber.NO_SUCH_INFORMATION)
        return struct.pack("<f", values[operand[0]])

    return pick


def _addressed(operand: bytes) -> bytes:
    """Refuse any light source but module 0, source 0; return nothing."""
    if operand != b"\0\0":
        raise Refusal(ErrorNumber.NO_SUCH_INFORMATION)
    return b""
