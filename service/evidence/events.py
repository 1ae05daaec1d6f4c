"""The part of the audit chain in a bundle, checked without the database."""

import json
from itertools import pairwise
from typing import Any

from spectra.digest import json_digest

from ..errors import EvidenceDamaged

#: Most events in a bundle (chosen): a longer run from the first to the last is left out, and said so.
MAX_EVENTS = 2000

_HASHED = ("seq", "type", "at", "actor", "subject", "data", "prev_hash")


def check_events(lines: memoryview, segment: memoryview | None, record: dict[str, Any]) -> None:
    """Check the hash of each event, how they follow each other, and what they say of the result.

    Raises
    ------
    EvidenceDamaged
        An event was altered, left out or put in, or tells of another record.
    """
    if segment is None:
        raise EvidenceDamaged("chain/segment.json was taken out of the bundle")
    events = [json.loads(line) for line in bytes(lines).splitlines()]
    told = json.loads(bytes(segment))
    if len(events) > MAX_EVENTS or [one["seq"] for one in events] != told["events"]:
        raise EvidenceDamaged("chain/events.jsonl has other events than chain/segment.json names")
    for event in events:
        if json_digest({name: event[name] for name in _HASHED}) != event["hash"]:
            raise EvidenceDamaged(f"event {event['seq']} was altered: its hash is another")
    for before, after in pairwise(events):
        if after["seq"] <= before["seq"] or (told["contiguous"] and after["seq"] != before["seq"] + 1):
            raise EvidenceDamaged(f"event {after['seq']} does not stand where it belongs")
        if after["seq"] == before["seq"] + 1 and after["prev_hash"] != before["hash"]:
            raise EvidenceDamaged(f"event {after['seq']} does not follow the event before it")
    subject = f"results/{record['result_id']}"
    accepted = [one for one in events if one["subject"] == subject and one["type"] == "result.accepted"]
    if len(accepted) != 1 or accepted[0]["data"]["record_digest"] != record["record_digest"]:
        raise EvidenceDamaged("the chain tells of another record than result.json")
