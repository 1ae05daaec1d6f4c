"""What a result's digest is taken over."""

import json

from spectra.digest import json_digest

from ..tables import Result


def record_digest(result: Result) -> str:
    """Return the digest of everything in a result that says something about the parcel.

    Who made it is left out: personal data stand outside the chain.
    """
    record = {
        "result_id": result.result_id,
        "screening_id": result.screening_id,
        "scan_id": result.scan_id,
        "verdict": result.verdict,
        "training": result.training,
        "identification": json.loads(result.identification),
        "device": json.loads(result.device),
    }
    return json_digest(record)
