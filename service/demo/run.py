"""The course of the demonstration: verify, screen, post, complete, read back."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ServerUnreachable
from .parcels import BAG, PARCELS, DemoParcel
from .station import Station

#: How long the outbox may take to reach the server on one machine, s.
POSTED_WITHIN_S = 20.0

#: Parcels the parcel system announces before they arrive.
ANNOUNCED = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of one parcel."""

    parcel: DemoParcel
    """The parcel and its truth."""
    answer: dict[str, Any]
    """The bench agent's answer."""
    wrong: str
    """What is wrong with it; empty where it is right."""
    outward: str
    """What the parcel system reads: hold, refer or no_hold_requested."""
    record: str
    """Address of the result on the server."""

    def to_json(self) -> dict[str, Any]:
        """Return the line of the table as JSON values."""
        return {
            "parcel": self.parcel.item,
            "title": self.parcel.title,
            "truth": dict(self.parcel.sample),
            "right": not self.wrong,
            "wrong": self.wrong,
            "identification": self.answer["identification"],
            "outward": self.outward,
            "record": self.record,
            "scan": self.answer["archive_path"],
            "emulated": True,
        }


def check_axis(station: Station) -> dict[str, Any]:
    """Verify the emulated instrument with polystyrene, and return the agent's answer."""
    station.put({"polystyrene": 1.0})
    return station.bench.verify("demo", standard="polystyrene")


def take_blank(station: Station) -> dict[str, Any]:
    """Scan the empty bag as a blank, and return the agent's answer."""
    station.put({BAG: 1.0})
    return station.bench.blank("demo", "bag")


def screen_all(station: Station) -> Iterator[Shown]:
    """Screen every parcel, one after the other, and read each back from the server."""
    for parcel in PARCELS[:ANNOUNCED]:
        station.register(parcel.item)
    for parcel in PARCELS:
        station.put(dict(parcel.sample), brightness=parcel.brightness)
        answer = station.bench.scan(
            "demo",
            parcel.item,
            **({"blank": "bag", "presentation": "bag"} if parcel.in_bag else {}),
            **({"exposure_s": parcel.exposure_s} if parcel.exposure_s else {}),
        )
        screening = _read_back(station, answer["screening_id"])
        wrong = parcel.judge(answer["identification"])
        finding = screening["finding"]
        if [one["result_id"] for one in screening["results"]] != [answer["result_id"]]:
            wrong = "; ".join(filter(None, [wrong, "the server holds another result"]))
        record = f"{station.server_url}/api/v1/results/{answer['result_id']}"
        yield Shown(parcel, answer, wrong, finding["outward"], record)


def _read_back(station: Station, screening_id: str) -> dict[str, Any]:
    """Wait until the server holds a complete screening."""
    deadline = time.monotonic() + POSTED_WITHIN_S
    while time.monotonic() < deadline:
        try:
            screening: dict[str, Any] = station.ask(f"/screenings/{screening_id}")
        except ServerUnreachable:
            screening = {}
        if screening.get("state") == "complete":
            return screening
        time.sleep(0.1)
    raise ServerUnreachable(f"screening {screening_id} did not reach the server; see opioscan outbox status")
