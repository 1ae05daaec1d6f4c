"""What each message number does with an emulated OBP device.

Message numbers and operands: SeaBreeze, ``OBPMessageTypes.h``; data sheet "Ventana" pages 15–16.
"""

import struct
from collections.abc import Callable, Container

from ..obp_numbers import MessageType
from .obp_device import SERIAL_MAX, ObpDevice
from .obp_table import ObpTable, Within

_FIRMWARE = 0x0110
#: Longest acquisition delay, µs, and most spectra of one command; chosen.
_LONGEST_DELAY_US, _MOST_BACK_TO_BACK = 335_500, 1000
# Message numbers only an emulator needs. Operands of device status, protocol revision, supported commands and
# the saving of the line speed are unproven.
_RESET, _RESET_DEFAULTS, _DEVICE_STATUS = 0x00000000, 0x00000001, 0x00000005
_SET_PROTOCOL_REVISION, _SUPPORTED_COMMANDS, _SAVE_RS232 = 0x00000020, 0x00000082, 0x000008F0
_GET_BACK_TO_BACK, _SET_BACK_TO_BACK = 0x00110102, 0x00110112
SIMULATE_TRIGGER = 0x00110120


def taught(device: ObpDevice) -> ObpTable:
    """Return the table of a device."""
    table = ObpTable()
    _teach_identity(device, table)
    _teach_line(device, table)
    _teach_limits(device, table)
    _teach_acquisition(device, table)
    _teach_settings(device, table)
    _teach_calibration(device, table)
    for part in (device.buffer, device.cooler, device.laser):
        if part is not None:
            part.teach(table)
    return table


def _teach_identity(device: ObpDevice, table: ObpTable) -> None:
    types = MessageType
    firmware = struct.pack("<H", _FIRMWARE)
    for kind, operand in (
        (types.HARDWARE_REVISION, b"\x01"),
        (types.FIRMWARE_REVISION, firmware),
        (types.FPGA_REVISION, firmware),
        (types.SERIAL_NUMBER, device.serial.encode("ascii", "replace")),
        (types.SERIAL_NUMBER_LENGTH, bytes([SERIAL_MAX])),
        (types.ORIGINAL_VENDOR_ID, struct.pack("<H", 0x2457)),
        (types.ORIGINAL_PRODUCT_ID, struct.pack("<H", device.model.product_id)),
        (types.ORIGINAL_MANUFACTURER, b"opioscan emulator"),
        (types.ORIGINAL_DEVICE_NAME, device.model.name.encode("ascii")),
        (_DEVICE_STATUS, bytes(4)),
    ):
        table.constant(kind, operand)

    def supported(_: bytes) -> bytes:
        known = sorted({*table.queries, *table.commands, *device.model.spectrum_types})
        return struct.pack(f"<{len(known)}I", *known)

    def temperatures(_: bytes) -> bytes:
        return struct.pack(f"<{len(device.temperatures())}f", *device.temperatures())

    table.queries[_SUPPORTED_COMMANDS] = (0, supported)
    table.picked(types.TEMPERATURE_COUNT, types.TEMPERATURE, "<f", device.temperatures)
    table.queries[types.TEMPERATURES] = (0, temperatures)


def _teach_line(device: ObpDevice, table: ObpTable) -> None:
    types, setting = MessageType, _setter(device, table)
    setting(types.GET_BAUD, types.SET_BAUD, "<I", "baud", Within(1200, 4_000_000))
    setting(None, types.SET_CHECKSUM_TYPE, "<B", "checksum", (0, 1))
    setting(None, _SET_PROTOCOL_REVISION, "<H", "revision", (0x1000, 0x1100))
    table.command(_SAVE_RS232, device.save_baud)
    table.command(_RESET, device.power_on)
    table.command(_RESET_DEFAULTS, device.power_on)


def _teach_limits(device: ObpDevice, table: ObpTable) -> None:
    types, model = MessageType, device.model
    low, high = model.exposure_us
    for kind, value in (
        (types.MIN_INTEGRATION_TIME, low),
        (types.MAX_INTEGRATION_TIME, high),
        (types.INTEGRATION_TIME_STEP, 1),
        (types.MAX_ADC_COUNTS, model.chip.full_scale),
        (types.SATURATION_LEVEL, model.chip.full_scale),
        (types.MIN_ACQUISITION_DELAY, 0),
        (types.MAX_ACQUISITION_DELAY, _LONGEST_DELAY_US),
        (types.ACQUISITION_DELAY_STEP, 1),
    ):
        table.constant(kind, struct.pack("<I", value))
    for kind, ranges in (
        (types.ACTIVE_PIXELS, model.active),
        (types.OPTICAL_DARK_PIXELS, model.blind),
        (types.ELECTRIC_DARK_PIXELS, model.unlit),
    ):
        table.constant(kind, b"".join(struct.pack("<2I", *pair) for pair in ranges))
    table.constant(types.MAX_BINNING, bytes([model.max_binning]))
    table.constant(types.DEFAULT_BINNING, b"\0")


def _teach_acquisition(device: ObpDevice, table: ObpTable) -> None:
    types = MessageType
    # That 1 means idle is unproven.
    table.number(types.DEVICE_IDLE, "<B", lambda: device.exposing == 0)
    table.number(types.PIXEL_COUNT, "<H", lambda: device.model.pixels >> device.set.binning)
    table.command(types.ABORT_ACQUISITION, device.abort)
    table.command(types.ACQUIRE_INTO_BUFFER, device.fill_buffer)
    table.command(SIMULATE_TRIGGER, device.pulse)


def _teach_settings(device: ObpDevice, table: ObpTable) -> None:
    types, model, setting = MessageType, device.model, _setter(device, table)
    exposures, delays = Within(*model.exposure_us), Within(0, _LONGEST_DELAY_US)
    setting(types.GET_INTEGRATION_TIME, types.SET_INTEGRATION_TIME, "<I", "exposure_us", exposures)
    setting(types.GET_ACQUISITION_DELAY, types.SET_ACQUISITION_DELAY, "<I", "delay_us", delays)
    setting(_GET_BACK_TO_BACK, _SET_BACK_TO_BACK, "<I", "back_to_back", Within(1, _MOST_BACK_TO_BACK))
    setting(types.GET_TRIGGER_MODE, types.SET_TRIGGER_MODE, "<B", "trigger", model.trigger_modes)
    setting(types.GET_AVERAGES, types.SET_AVERAGES, "<H", "averages", Within(1, 5000))
    setting(types.GET_BOXCAR, types.SET_BOXCAR, "<B", "boxcar", Within(0, 15))
    setting(types.GET_BINNING, types.SET_BINNING, "<B", "binning", Within(0, model.max_binning))
    setting(types.GET_LAMP, types.SET_LAMP, "<B", "lamp", (0, 1))


def _teach_calibration(device: ObpDevice, table: ObpTable) -> None:
    types, model = MessageType, device.model
    for count, one, values in (
        (types.WAVELENGTH_COUNT, types.WAVELENGTH_COEFFICIENT, model.coefficients),
        (types.NONLINEARITY_COUNT, types.NONLINEARITY_COEFFICIENT, model.nonlinearity),
        (types.STRAY_LIGHT_COUNT, types.STRAY_LIGHT_COEFFICIENT, (0.0, 0.0)),
    ):
        table.picked(count, one, "<f", _always(values))


def _setter(
    device: ObpDevice, table: ObpTable
) -> Callable[[int | None, int, str, str, Container[float]], None]:
    """Return what teaches a number of the device's settings; without power they begin anew."""

    def setting(get: int | None, put: int, layout: str, name: str, allowed: Container[float]) -> None:
        table.setting(get, put, layout, lambda: device.set, name, allowed)

    return setting


def _always(values: tuple[float, ...]) -> Callable[[], tuple[float, ...]]:
    return lambda: values
