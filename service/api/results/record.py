"""What a result's digest is taken over."""

from spectra.digest import bytes_digest

from ..events.chain import canonical
from ..tables import Result


def record_digest(result: Result) -> str:
    """Return the digest of everything in a result that says something about the parcel.

    Who made it is left out: personal data stand outside the chain.
    """
    rest = {
        "result_id": result.result_id,
        "screening_id": result.screening_id,
        "scan_id": result.scan_id,
        "verdict": result.verdict,
        "training": result.training,
    }
    # Identification and device are kept as canonical text, and their names come first: the canonical form
    # of the whole is put together from texts that are there.
    text = f'{{"device":{result.device},"identification":{result.identification},{canonical(rest)[1:]}'
    return bytes_digest(text.encode())
