"""The evidence bundle of a result: one ZIP file that holds all it was made from, for whoever doubts it.

==========================  ===================================================================
``README.txt``              how to check it with standard tools, in plain words
``MANIFEST.json``           SHA-256 and size of every other member
``result.json``             the record as it was accepted, and its digest
``identification.json``     the answer, RFC 8785, as the bench sent it
``scan/ID.h5``              the raw scan with its wire transcript; ID is its SHA-256
``blank/ID.h5``             the raw scan of the empty container, where there was one
``calibrations/ID.json``    calibration records the answer names
``verification/ID.json``    the check of the instrument that the answer names
``method/ID.zip``           references, null tables, recipes, thresholds (`service.method_file`)
``chain/events.jsonl``      what the audit chain says of all this, an event a line
``chain/segment.json``      which events those are, and where the chain ended
``environment.json``        what was installed where the bundle was made
``report.pdf``              the result on a page
==========================  ===================================================================
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import ValidationError

from calibration.record import CalibrationRecord
from spectra.digest import bytes_digest, json_digest

from ..archive.scanfile import decode_scan
from ..calibration_files import record_of
from ..contract import Identification
from ..errors import EvidenceDamaged, EvidenceMissing, ServiceError
from ..plain_zip import Bytes, read_zip
from .events import check_events
from .inputs import Answer, Inputs, records_of

FORMAT, FORMAT_VERSION = "opioscan.evidence", 1

#: Largest bundle, bytes: a method file of 256 MiB, two scans of 64 MiB, and the rest.
MAX_BYTES = 512 << 20

#: Largest JSON member, bytes.
MAX_JSON = 16 << 20

MANIFEST = "MANIFEST.json"

#: What a record's digest is taken over (`service.api.results.record`).
RECORD = ("result_id", "screening_id", "scan_id", "verdict", "training", "identification", "device")

_NEEDED = {"README.txt", "result.json", "identification.json", "environment.json", "chain/events.jsonl"}
_ADDRESSED = re.compile(r"(scan|blank|calibrations|method)/([0-9a-f]{64})\.(h5|json|zip)")


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle of which every digest was verified."""

    result_id: str
    """The result."""
    record: Answer
    """Its record."""
    members: dict[str, memoryview]
    """Everything, by name."""

    @property
    def identification(self) -> Answer:
        """The answer as it was recorded."""
        found: Answer = self.record["identification"]
        return found

    def inputs(self) -> Inputs:
        """Return what the result was made from.

        Raises
        ------
        EvidenceMissing
            Something that the answer or the scan names is not in the bundle.
        EvidenceDamaged
            A scan cannot be read.
        """
        scan = decode_scan(bytes(self._one("scan", self.identification["scan_id"], "h5")), own=True)
        blank = None
        if scan.blank_id:
            blank = decode_scan(bytes(self._one("blank", scan.blank_id, "h5")), own=True)
        return Inputs(self.identification, scan, blank, records_of(self.identification, self._records()))

    def method_file(self) -> memoryview:
        """Return the method's file; raises `EvidenceMissing`."""
        found = [data for name, data in self.members.items() if name.startswith("method/")]
        if not found:
            raise EvidenceMissing("the bundle holds no method file: the server had none when it was made")
        return found[0]

    def _one(self, kind: str, name: str, end: str) -> memoryview:
        data = self.members.get(f"{kind}/{name}.{end}")
        if data is None:
            raise EvidenceMissing(f"the bundle holds no {kind} {name[:12]}, which the result names")
        return data

    def _records(self) -> dict[str, CalibrationRecord]:
        held = {}
        for name, data in self.members.items():
            if name.startswith("calibrations/"):
                record_id = name.partition("/")[2].removesuffix(".json")
                held[record_id] = record_of(bytes(data), record_id)
        return held


def manifest(result_id: str, told: Mapping[str, tuple[str, int]]) -> bytes:
    """Return the manifest of members, each with its SHA-256 and size."""
    members = {name: {"sha256": digest, "bytes": size} for name, (digest, size) in sorted(told.items())}
    said = {"format": FORMAT, "format_version": FORMAT_VERSION, "result_id": result_id, "members": members}
    return json.dumps(said, indent=1, sort_keys=True).encode() + b"\n"


def read_bundle(data: Bytes) -> Bundle:
    """Read a bundle, and verify every digest in it.

    Raises
    ------
    EvidenceDamaged
        It is no bundle, damaged, altered, or too large; the message says which digest is wrong.
    """
    members = read_zip(data, limit=MAX_BYTES)
    result_id = _check_manifest(members)
    for name, content in members.items():
        match = _ADDRESSED.fullmatch(name)
        if match is not None and bytes_digest(content) != match[2]:
            raise EvidenceDamaged(f"{name} is not what its name says: its SHA-256 is another")
    try:
        record = _record(members, result_id)
        check_events(members["chain/events.jsonl"], members.get("chain/segment.json"), record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ServiceError):
            raise
        raise EvidenceDamaged(f"a part of the bundle is missing or no JSON: {error!s:.200}") from error
    return Bundle(result_id, record, members)


def read_bundle_file(path: Path) -> Bundle:
    """Read the bundle in a file; raises as `read_bundle`."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise EvidenceDamaged(f"{path} is no file, or larger than the {MAX_BYTES} bytes of a bundle")
        return read_bundle(path.read_bytes())
    except OSError as error:
        raise EvidenceDamaged(f"{path} cannot be read: {error.strerror}") from error
    except EvidenceDamaged as error:
        raise EvidenceDamaged(f"{path}: {error}") from error


def json_of(data: Bytes) -> Any:
    """Return a bounded JSON member."""
    if memoryview(data).nbytes > MAX_JSON:
        raise EvidenceDamaged(f"a JSON member of the bundle is larger than {MAX_JSON} bytes")
    return json.loads(bytes(data))


def _check_manifest(members: dict[str, memoryview]) -> str:
    if MANIFEST not in members or not members.keys() >= _NEEDED:
        raise EvidenceDamaged("it is not an evidence bundle, or a part of it was taken out")
    try:
        said = json_of(members[MANIFEST])
        if (said["format"], said["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise EvidenceDamaged("it is not an evidence bundle of a version that is read here")
        result_id, listed = said["result_id"], said["members"]
        due = {name: (one["sha256"], one["bytes"]) for name, one in listed.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, EvidenceDamaged):
            raise
        raise EvidenceDamaged("its manifest cannot be read") from error
    if due.keys() != members.keys() - {MANIFEST} or not isinstance(result_id, str):
        raise EvidenceDamaged("its manifest names other members than it holds")
    for name, content in members.items():
        if name != MANIFEST and due[name] != (bytes_digest(content), content.nbytes):
            raise EvidenceDamaged(f"{name} was altered: the manifest says another SHA-256")
    return result_id


def _record(members: dict[str, memoryview], result_id: str) -> Answer:
    """Return the record of the result, held against its own digest and the answer beside it."""
    record = json_of(members["result.json"])
    said = json_of(members["identification.json"])
    text = bytes(members["identification.json"])
    try:
        Identification.model_validate_json(text)
    except ValidationError as error:
        raise EvidenceDamaged("identification.json is no answer of the contract") from error
    if record["result_id"] != result_id or record["identification"] != said or rfc8785.dumps(said) != text:
        raise EvidenceDamaged("result.json and identification.json are not of the same result")
    if json_digest({name: record[name] for name in RECORD}) != record["record_digest"]:
        raise EvidenceDamaged("result.json was altered: its record_digest is another")
    if said["scan_id"] != record["scan_id"] or said["verdict"] != record["verdict"]:
        raise EvidenceDamaged("result.json says something else than identification.json")
    assert isinstance(record, dict)
    return record
