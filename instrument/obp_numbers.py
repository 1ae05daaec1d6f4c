"""Numbers of the Ocean Binary Protocol: flags, errors, checksum types, message types.

Sources: data sheet "Ventana" (Ocean Optics) pages 9–16; the vendor's SeaBreeze library,
``OBPMessageTypes.h``.
"""

from enum import IntEnum, IntFlag


class Flag(IntFlag):
    """Flag bits of a frame."""

    RESPONSE = 0x01
    """Set by the device: answer to a request of the same type."""
    ACK = 0x02
    """Set by the device: the command was carried out."""
    ACK_REQUESTED = 0x04
    """Set by the host: answer this command. Without it a command gets no reply at all."""
    NACK = 0x08
    """Set by the device: refused; `Message.error` says why."""
    EXCEPTION = 0x10
    """Set by the device: hardware exception, the result may not be valid."""
    DEPRECATED = 0x20
    """Set by the device: the caller's protocol version is old."""


NO_FLAGS = Flag(0)


class ErrorNumber(IntEnum):
    """Why a device refused (data sheet page 10)."""

    OK = 0
    PROTOCOL_UNSUPPORTED = 1
    UNKNOWN_TYPE = 2
    BAD_CHECKSUM = 3
    TOO_LARGE = 4
    WRONG_LENGTH = 5
    INVALID_DATA = 6
    NOT_READY = 7
    UNKNOWN_CHECKSUM_TYPE = 8
    DEVICE_RESET = 9
    TOO_MANY_BUSES = 10
    OUT_OF_MEMORY = 11
    NO_SUCH_INFORMATION = 12
    INTERNAL = 13
    DECRYPT_FAILED = 100
    FIRMWARE_INVALID = 101
    WRONG_PACKET_SIZE = 102
    HARDWARE_INCOMPATIBLE = 103
    FLASH_MAP_INCOMPATIBLE = 104
    DEFERRED = 255
    """The device will take time: wait for another answer."""


class ChecksumType(IntEnum):
    """What the 16 checksum bytes hold."""

    NONE = 0
    MD5 = 1


class MessageType(IntEnum):
    """Message numbers; the operand and the reply stand after the arrow in the comment of each group."""

    # u8 checksum type; u16 version; none -> u8; none -> u16 BCD
    SET_CHECKSUM_TYPE = 0x00000010
    HARDWARE_REVISION = 0x00000080
    FIRMWARE_REVISION = 0x00000090
    FPGA_REVISION = 0x00000091
    # none -> ASCII without terminator; none -> u8
    SERIAL_NUMBER = 0x00000100
    SERIAL_NUMBER_LENGTH = 0x00000101
    # u32 bits per second
    GET_BAUD = 0x00000800
    SET_BAUD = 0x00000810
    # none -> u16; none -> ASCII
    ORIGINAL_VENDOR_ID = 0x00000E00
    ORIGINAL_PRODUCT_ID = 0x00000E01
    ORIGINAL_MANUFACTURER = 0x00000E10
    ORIGINAL_DEVICE_NAME = 0x00000E11
    # none
    ABORT_ACQUISITION = 0x00100000
    # u8; u32; none
    GET_BUFFERING = 0x00100800
    SET_BUFFERING = 0x00100810
    BUFFER_CAPACITY_MAX = 0x00100820
    GET_BUFFER_CAPACITY = 0x00100822
    SET_BUFFER_CAPACITY = 0x00100832
    CLEAR_BUFFER = 0x00100830
    REMOVE_OLDEST = 0x00100831
    BUFFERED_COUNT = 0x00100900
    ACQUIRE_INTO_BUFFER = 0x00100902
    # none -> u8; none -> u32
    DEVICE_IDLE = 0x00100908
    MAX_ADC_COUNTS = 0x00101010
    SATURATION_LEVEL = 0x001010A0
    # none -> 32 bytes of metadata + N x u32; u32 n -> n x (64 bytes of metadata + N x u16 + u32 checksum)
    BUFFERED_SPECTRUM_32 = 0x00100928
    BUFFERED_RAW_SPECTRA = 0x00100980
    # none -> N x u16
    CORRECTED_SPECTRUM = 0x00101000
    RAW_SPECTRUM = 0x00101100
    # u32 microseconds
    GET_INTEGRATION_TIME = 0x00110000
    MIN_INTEGRATION_TIME = 0x00110001
    MAX_INTEGRATION_TIME = 0x00110002
    INTEGRATION_TIME_STEP = 0x00110003
    SET_INTEGRATION_TIME = 0x00110010
    # u8
    GET_TRIGGER_MODE = 0x00110100
    SET_TRIGGER_MODE = 0x00110110
    # u32
    GET_BACK_TO_BACK = 0x00110102
    SET_BACK_TO_BACK = 0x00110112
    # none -> u16 (some devices u32); none -> u32 pairs, inclusive
    PIXEL_COUNT = 0x00110220
    ACTIVE_PIXELS = 0x00110221
    OPTICAL_DARK_PIXELS = 0x00110222
    ELECTRIC_DARK_PIXELS = 0x00110223
    # u8
    GET_BINNING = 0x00110280
    MAX_BINNING = 0x00110281
    DEFAULT_BINNING = 0x00110285
    SET_BINNING = 0x00110290
    GET_LAMP = 0x00110400
    SET_LAMP = 0x00110410
    # u32 microseconds
    GET_ACQUISITION_DELAY = 0x00110500
    MIN_ACQUISITION_DELAY = 0x00110501
    MAX_ACQUISITION_DELAY = 0x00110502
    ACQUISITION_DELAY_STEP = 0x00110503
    SET_ACQUISITION_DELAY = 0x00110510
    # u16; u8
    GET_AVERAGES = 0x00120000
    SET_AVERAGES = 0x00120010
    GET_BOXCAR = 0x00121000
    SET_BOXCAR = 0x00121010
    # none -> u8; u8 index -> f32
    WAVELENGTH_COUNT = 0x00180100
    WAVELENGTH_COEFFICIENT = 0x00180101
    NONLINEARITY_COUNT = 0x00181100
    NONLINEARITY_COEFFICIENT = 0x00181101
    STRAY_LIGHT_COUNT = 0x00183100
    STRAY_LIGHT_COEFFICIENT = 0x00183101
    # none -> u8; u8 -> f32, degrees Celsius; none -> n x f32
    TEMPERATURE_COUNT = 0x00400000
    TEMPERATURE = 0x00400001
    TEMPERATURES = 0x00400002
    # u8; f32 degrees Celsius
    GET_COOLER_ENABLE = 0x00420000
    GET_COOLER_SETPOINT = 0x00420001
    GET_COOLER_FAN = 0x00420002
    COOLER_STABLE = 0x00420003
    COOLER_TEMPERATURE = 0x00420004
    SET_COOLER_ENABLE = 0x00420010
    SET_COOLER_SETPOINT = 0x00420011
    SET_COOLER_FAN = 0x00420012
    # (u8 module, u8 source) -> u8; (u8, u8, u8 on); (u8, u8) -> f32 0..1; (u8, u8, f32)
    GET_LASER_ENABLE = 0x00810021
    SET_LASER_ENABLE = 0x00810031
    GET_LASER_INTENSITY = 0x00810041
    SET_LASER_INTENSITY = 0x00810051
