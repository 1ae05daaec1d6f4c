"""Which folder is watched, and what a person stated of the device behind it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from spectra.values import Technique

from ..device_url import DeviceURL
from ..errors import DeviceURLError

#: Parameters of a ``folder://`` URL besides those every bench may have.
PARAMS = ("settle_s", "wait_s", "technique", "depth", "model", "serial")

#: A file counts as finished when it has not changed for so long, s: chosen. FAT tells times in steps of 2 s,
#: and the programs that copy files to a drive write in bursts closer together than that.
SETTLE_S = 2.0
#: Levels of sub-folders that are looked into: chosen; devices make one for a day or a session, within one.
DEPTH = 3
#: How long an acquisition waits for the next file, s: chosen, enough to measure, export and plug in.
WAIT_S = 300.0
_WORDS = 64


@dataclass(frozen=True, slots=True)
class Source:
    """A watched folder."""

    root: Path
    """The folder, absolute; it may be absent now."""
    url: str = ""
    """Device URL it was named by."""
    settle_s: float = SETTLE_S
    """How long a file must not have changed, s."""
    wait_s: float = WAIT_S
    """How long an acquisition waits for the next file, s."""
    depth: int = DEPTH
    """Levels of sub-folders looked into; 0 is the folder alone."""
    technique: Technique | None = None
    """How the device measures, for files that do not say so."""
    laser_nm: float | None = None
    """Its excitation wavelength, nm, for files that do not say so."""
    model: str = ""
    """Model, as a person stated it, for files that do not say so."""
    serial: str = ""
    """Serial number, as a person stated it; files that say another are refused."""
    emulated: bool = False
    """Whether its data are labelled as emulated."""

    @classmethod
    def of(cls, url: DeviceURL) -> Self:
        """Return the source a ``folder://`` URL names.

        Raises
        ------
        DeviceURLError
            The path is not absolute, or a parameter is out of range.
        """
        word = url.params.get("technique")
        if word is not None and word not in set(Technique):
            raise DeviceURLError(f"{url.text}: technique={word}; write raman or ftir")
        settle = url.number("settle_s", low=0.05, high=60.0)
        wait = url.number("wait_s", low=0.1, high=3600.0)
        return cls(
            root=_folder(url),
            url=url.text,
            settle_s=SETTLE_S if settle is None else settle,
            wait_s=WAIT_S if wait is None else wait,
            depth=url.integer("depth", DEPTH, low=0, high=8),
            technique=None if word is None else Technique(word),
            laser_nm=url.number("laser_nm", low=200.0, high=2000.0),
            model=_word(url, "model"),
            serial=_word(url, "serial"),
            emulated=url.emulated,
        )


def _folder(url: DeviceURL) -> Path:
    path = unquote(url.target)
    if not path.startswith("/") or "\0" in path:
        raise DeviceURLError(f"{url.text}: write the folder with three slashes, {url.scheme}:///mnt/export")
    return Path(path)


def _word(url: DeviceURL, name: str) -> str:
    word = url.params.get(name, "").strip()
    if len(word) > _WORDS or not word.isprintable():
        raise DeviceURLError(f"{url.text}: {name}= takes {_WORDS} printable characters at most")
    return word
