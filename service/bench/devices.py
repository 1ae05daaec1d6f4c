"""The devices this agent has to do with: those of ``devices.toml``, and those named by URL."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from instrument.config import BenchConfig, bench_config, load_config
from instrument.registry import DeviceURL, technique_of
from spectra.values import Technique

from ..settings import Settings
from .device import Device
from .ports import Reconnected, unheard

#: Excitation assumed for a URL that does not say one, nm; written into every such scan.
ASSUMED_NM = 785.0


class Devices:
    """Devices by name or URL, each made once and kept.

    Parameters
    ----------
    settings
        Where ``devices.toml`` and the folder for sockets are.
    reconnected
        Told the identity of an instrument that went away and came back, and why it is thought so.
    """

    def __init__(self, settings: Settings, *, reconnected: Reconnected = unheard) -> None:
        self._reconnected = reconnected
        self._path: Path = settings.devices_path
        self._runtime_dir: Path = settings.runtime_dir
        self._lock = threading.Lock()
        self._known: dict[str, Device] = {}

    def get(self, name_or_url: str) -> Device:
        """Return the device of a name or URL, not yet opened.

        Raises
        ------
        DeviceURLError
            No such name, or a URL nobody can act on.
        """
        if "://" in name_or_url:
            return self._kept(*_described(name_or_url, self._path), keep_open=False)
        return self._kept(bench_config(name_or_url, self._path), {})

    def configured(self) -> list[Device]:
        """Return the devices of ``devices.toml``, by name; raises `DeviceURLError` for a damaged file."""
        return [self._kept(config, {}) for _, config in sorted(load_config(self._path).items())]

    def known(self) -> list[Device]:
        """Return every device used so far, and those configured at some time; waits for nothing.

        A stop asks for them, and must not wait for a port that is just being closed.
        """
        return list(self._known.values())

    def _kept(self, config: BenchConfig, remarks: dict[str, Any], *, keep_open: bool = True) -> Device:
        with self._lock:
            device = self._known.get(config.name)
            if device is None or (device.config != config and not device.busy):
                if device is not None:
                    device.release()
                device = Device(
                    config,
                    self._runtime_dir,
                    remarks=remarks,
                    keep_open=keep_open,
                    reconnected=self._reconnected,
                )
                # Replaced, never changed: whoever looks at it holds no lock.
                self._known = {**self._known, config.name: device}
            self._make_way(device)
            return device

    def _make_way(self, wanted: Device) -> None:
        """Close what idly holds the same port under another name."""
        port = _port(wanted.config)
        for device in self._known.values():
            if device is not wanted and _port(device.config) == port and not device.busy:
                device.close()


def _port(config: BenchConfig) -> tuple[str, str]:
    url = DeviceURL.parse(config.spectrometer)
    return url.scheme, url.target


def _described(url: str, path: Path) -> tuple[BenchConfig, dict[str, Any]]:
    if "laser_nm" in DeviceURL.parse(url).params or technique_of(url) is not Technique.RAMAN:
        return bench_config(url, path), {}
    joint = "&" if "?" in url else "?"
    config = bench_config(f"{url}{joint}laser_nm={ASSUMED_NM:g}", path)
    return replace(config, name=url), {"laser_nm_assumed": True}
