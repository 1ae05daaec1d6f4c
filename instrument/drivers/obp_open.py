"""Opening OBP spectrometers by URL.

``obp+serial:///dev/ttyUSB0?model=STS``, ``obp+tcp://192.168.254.254:57357?model=FX``; models: `obp_models`.

``baud=`` is the speed of the device at power-up (9600). On opening it is raised to ``fast_baud=`` (115200)
where the device takes that, and set back on closing; the same number in both leaves it as it is. ``md5=0``
does without checksums.
"""

from ..errors import DeviceURLError
from ..registry import DeviceURL, spectrometer
from ..transport.serial_port import serial_opener
from ..transport.tcp import TcpStream
from .obp import ObpSpectrometer
from .obp_line import DEFAULT_BAUD, FAST_BAUD, RATES, ObpLine
from .obp_link import ObpLink
from .obp_models import obp_model
from .obp_session import ObpSession

#: Port in the field (python-seabreeze, pull request 243).
DEFAULT_TCP_PORT = 57357
#: What URLs of this family may say.
SERIAL_PARAMS = ("model", "baud", "fast_baud", "md5")
TCP_PARAMS = ("model", "md5")


def serial_session(url: DeviceURL) -> ObpSession:
    """Return the device on the serial port of a URL, not yet asked for anything; raises as the port does."""
    baud = url.integer("baud", DEFAULT_BAUD, low=300, high=4_000_000)
    fast = url.integer("fast_baud", max(baud, FAST_BAUD), low=300, high=4_000_000)
    if fast not in (*RATES, baud):
        raise DeviceURLError(f"{url.text}: fast_baud={fast}; write one of {', '.join(map(str, RATES))}")
    md5 = url.flag("md5", default=True)
    link = ObpLink(serial_opener(url.serial_path(), baud))
    return ObpSession(link, ObpLine(baud, fast), md5=md5)


def tcp_session(url: DeviceURL) -> ObpSession:
    """Return the device at the network address of a URL, not yet asked for anything."""
    host, port = url.host_port(DEFAULT_TCP_PORT)
    md5 = url.flag("md5", default=True)
    return ObpSession(ObpLink(lambda transcript: TcpStream(host, port, transcript=transcript)), md5=md5)


@spectrometer("obp+serial", params=SERIAL_PARAMS)
def open_obp_serial(url: DeviceURL) -> ObpSpectrometer:
    """Open an OBP spectrometer on a serial port."""
    model = obp_model(url.need("model"))
    return ObpSpectrometer(serial_session(url), model, url=url.text, emulated=url.emulated)


@spectrometer("obp+tcp", params=TCP_PARAMS)
def open_obp_tcp(url: DeviceURL) -> ObpSpectrometer:
    """Open an OBP spectrometer on the network."""
    model = obp_model(url.need("model"))
    return ObpSpectrometer(tcp_session(url), model, url=url.text, emulated=url.emulated)
