"""A small method, scans it can answer for, and results of them on a running server."""

import json
import uuid
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from calibration.in_force import UNCALIBRATED
from library.methods import fit_method
from library.starter import starter_entries
from library.store import Library, write_library
from service.archive.scanfile import encode_scan
from service.looking import look_at
from service.method_file import file_id_of, method_file
from spectra.answer import InstrumentState
from spectra.digest import bytes_digest
from spectra.method import Method, WatchItem
from spectra.values import DeviceInfo, Role, Scan, Technique

API = "/api/v1"
NOW = "2026-11-22T12:00:00Z"

#: Substances of the small method.
NAMES = ("metamizole", "ketoprofen", "ibuprofen", "caffeine", "lactose", "polyethylene", "polystyrene")


@cache
def small(folder: Path) -> tuple[Method, Library]:
    """Return a method of a few references, fitted with few null scans, and its library."""
    entries = [
        one
        for one in starter_entries()
        if one.technique is Technique.RAMAN and one.substance.name.casefold() in NAMES
    ]
    library = write_library(folder / "small.h5", entries, name="small")
    watched = [
        WatchItem(one.substance.name, 0.25) for one in entries if one.substance.name.casefold() == NAMES[0]
    ]
    method = fit_method(
        library, name="small", watch_list=watched, training=True, draws=30, false_alarm_rate=0.2
    )
    return method, library


def scan_of(
    method: Method, names: dict[str, float], *, seed: int = 0, light: float = 4000.0, **more: Any
) -> Scan:
    """Return a scan of a mixture, with shot noise, on an axis in cm⁻¹."""
    entries = {one.substance.name.casefold(): one for one in method.references}
    axis = np.arange(350.0, 1900.0, 2.0)
    shape = sum(
        part * np.interp(axis, entries[name].spectrum.axis, entries[name].spectrum.intensity)
        for name, part in names.items()
    )
    lit = 300.0 + light * shape + 200.0 * np.exp(-(axis - 350.0) / 800.0)
    counts = np.random.default_rng(seed).poisson(lit, (3, axis.size)).astype(float)
    return Scan(
        **{
            "technique": Technique.RAMAN,
            "counts": counts,
            "device": DeviceInfo("STS", "S1", emulated=True),
            "exposure_s": 0.5,
            "taken_at": NOW,
            "axis": axis,
            "axis_unit": "cm-1",
            "laser_nm": 785.0,
            "laser_mw": 50.0,
            **more,
        }
    )


def answer_of(
    scan: Scan, scan_id: str, method: Method, blank: Scan | None = None, *, axis: str = "verified"
) -> dict[str, Any]:
    """Return the answer a bench gives, by how far its instrument's axis is trusted."""
    found = look_at(
        scan,
        method,
        records=UNCALIBRATED,
        blank=blank,
        state=InstrumentState(axis, "", NOW),
        scan_id=scan_id,
        now=NOW,
    )
    return json.loads(json.dumps(found.to_json()))


class Result:
    """A result as a bench sends it, with all that goes before it."""

    def __init__(
        self, method: Method, scan: Scan, *, blank: Scan | None = None, number: int, axis: str = "verified"
    ) -> None:
        self.screening_id = str(uuid.UUID(int=number + 1, version=4))
        self.blank_data = b"" if blank is None else encode_scan(blank)
        named = {} if blank is None else {"blank_id": bytes_digest(self.blank_data)}
        scan = replace(scan, item="NOLABEL-1", screening_id=self.screening_id, **named)
        self.data = encode_scan(scan)
        self.scan_id = bytes_digest(self.data)
        self.identification = answer_of(scan, self.scan_id, method, blank, axis=axis)
        self.result_id = str(uuid.uuid5(uuid.UUID(int=0), self.scan_id))

    @classmethod
    def simulated(
        cls,
        method: Method,
        names: dict[str, float],
        *,
        seed: int,
        container: dict[str, float] | None = None,
        axis: str = "verified",
        **more: Any,
    ) -> "Result":
        """Return the result of a mixture, in a container or without."""
        blank = None
        if container is not None:
            blank = scan_of(method, container, seed=seed + 10_000, role=Role.BLANK)
        return cls(method, scan_of(method, names, seed=seed, **more), blank=blank, number=seed, axis=axis)

    def send(self, served: Any, method_data: bytes = b"") -> str:
        """Send it to a running server, its method's file first; return the result's id."""
        ops = [
            (
                "screenings/" + self.screening_id,
                {"json": {"item_id": "", "item_id_type": "none", "bench": "b1"}},
            )
        ]
        if method_data:
            ops.append((f"methods/{file_id_of(method_data)}", {"content": method_data}))
        scans = filter(None, (self.blank_data, self.data))
        ops += [(f"scans/{bytes_digest(data)}", {"content": data}) for data in scans]
        body = {
            "screening_id": self.screening_id,
            "scan_id": self.scan_id,
            "identification": self.identification,
            "device": {"model": "STS", "serial": "S1", "emulated": True},
            "operator": "A. Jansen",
        }
        ops.append((f"results/{self.result_id}", {"json": body}))
        for path, options in ops:
            answer = served.api("PUT", f"/{path}", **options)
            assert answer.status_code in {200, 201}, answer.text
        return self.result_id


def method_data(folder: Path) -> bytes:
    """Return the file of the small method."""
    method, library = small(folder)
    return method_file(method, library, {"fitted_at": NOW})


def another(method: Method) -> Method:
    """Return a method that differs in its watch list only."""
    return replace(method, version=method.version + 1)
