"""What the URL of a spectrometer says whose spectra come as files."""

from pathlib import Path
from typing import TypedDict

from ..registry import DeviceURL
from .result_folder import SETTLE_S, ResultFolder

#: Its parameters.
FOLDER_PARAMS = ("folder", "atr", "timeout_s", "settle_s", "processed")
#: Longest measurement waited for where the URL does not say, s; chosen, some hundred scans.
TIMEOUT_S = 180.0
TIMEOUT_LIMITS_S = (1.0, 3600.0)
#: Settling times that may be asked for, s.
SETTLE_LIMITS_S = (0.02, 60.0)


class FolderOptions(TypedDict):
    """What the URLs of all such spectrometers say, besides their folder."""

    url: str
    emulated: bool
    atr: bool | None
    timeout_s: float
    processed: bool


def folder_options(url: DeviceURL) -> tuple[ResultFolder, FolderOptions]:
    """Return the folder a URL names, and what else it says.

    Raises
    ------
    DeviceURLError
        No ``folder=``, or a number out of range.
    PortNotFound
        No such folder.
    """
    low, high = SETTLE_LIMITS_S
    settle = url.number("settle_s", low=low, high=high)
    timeout = url.number("timeout_s", low=TIMEOUT_LIMITS_S[0], high=TIMEOUT_LIMITS_S[1])
    options = FolderOptions(
        url=url.text,
        emulated=url.emulated,
        atr=url.flag("atr", False) if "atr" in url.params else None,
        timeout_s=TIMEOUT_S if timeout is None else timeout,
        processed=url.flag("processed", False),
    )
    path = Path(url.need("folder"))
    return ResultFolder(path, settle_s=SETTLE_S if settle is None else settle), options
