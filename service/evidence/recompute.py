"""Recompute a result from its evidence alone: no server and no database is needed."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from spectra.method import Method

from ..errors import EvidenceDamaged
from ..method_file import file_id_of, read_method_file
from ..settings import software_version
from .again import look_again
from .bundle import Bundle
from .comparing import Comparison, compare
from .fingerprint import blas_kernels, fingerprint_id
from .inputs import Inputs
from .steadiness import weighed


def recompute(bundle: Bundle) -> dict[str, Any]:
    """Recompute the result of a bundle, and say whether it comes out the same, as JSON values.

    Raises
    ------
    EvidenceMissing
        The bundle lacks something that the result names.
    EvidenceDamaged
        Something in it cannot be used.
    """
    inputs = bundle.inputs()
    return recomputed(bundle.result_id, inputs, bundle.method_file())


def recomputed(result_id: str, inputs: Inputs, method_file: bytes | memoryview) -> dict[str, Any]:
    """Recompute a result from its inputs and the file of its method; as `recompute`."""
    method = _method(_Content(method_file))
    again = look_again(inputs, method).to_json()
    recorded = inputs.identification
    found = compare(recorded, again, method, fingerprint=fingerprint_id())
    return _told(result_id, recorded, again, weighed(found, inputs, again, method))


class _Content:
    """Bytes that are the same where their digest is: a method is rebuilt once for many results of it."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data
        self.digest = file_id_of(data)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and other.digest == self.digest


@lru_cache(maxsize=1)
def _method(content: _Content) -> Method:
    return read_method_file(content.data).method


def _told(
    result_id: str, recorded: dict[str, Any], again: dict[str, Any], found: Comparison
) -> dict[str, Any]:
    if recorded["schema"] != again["schema"]:
        raise EvidenceDamaged(
            f"the result is of the contract {recorded['schema']}; this is {again['schema']}"
        )
    head = {
        "result_id": result_id,
        "verdict": recorded["verdict"],
        "recomputed_verdict": again["verdict"],
        "components": [one["substance"] for one in recorded["components"]],
    }
    listed = {name: list(getattr(found, name)) for name in ("borderline", "differences")}
    made = {
        "recorded_by": recorded["provenance"]["software"],
        "recorded_numerics": recorded["provenance"]["build"],
        "recomputed_by": f"opioscan {software_version()}",
        "recomputed_numerics": fingerprint_id(),
        "blas_kernels": blas_kernels(),
    }
    return {**head, **asdict(found), **listed, **made}
