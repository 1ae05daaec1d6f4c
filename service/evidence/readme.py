"""What a bundle tells whoever opens it, in plain words."""

from collections.abc import Sequence

_TEXT = """OPIOSCAN EVIDENCE BUNDLE
Result {result_id}

This file holds all that a result of a parcel screening was computed from. The
result is PRESUMPTIVE: it says what a spectrum resembles. It is no proof of what a
parcel holds, and nothing found is never the same as safe. A laboratory has to
confirm it with another principle.
{missing}
1. CHECK THAT NOTHING WAS ALTERED (no program of ours is needed)

   unzip BUNDLE.zip -d bundle   (or: python3 -m zipfile -e BUNDLE.zip bundle)
   cd bundle
   sha256sum scan/* blank/* method/* calibrations/*
       Every file in these folders is named by its own SHA-256.
   MANIFEST.json gives SHA-256 and size of every other file. Compare them:
python3 -c "import hashlib, json
m = json.load(open('MANIFEST.json'))['members']
print([n for n in m if hashlib.sha256(open(n, 'rb').read()).hexdigest() != m[n]['sha256']])"
       An empty list [] is right.
   The SHA-256 of the bundle itself should be the one that was handed over apart
   from it (by telephone, on paper).

2. CHECK THE RECORD AND THE AUDIT CHAIN

   result.json: its member record_digest is the SHA-256 of the RFC 8785 form (JSON
   Canonicalization Scheme; Python package rfc8785, and others) of an object with
   the members result_id, screening_id, scan_id, verdict, training, identification
   and device.
   chain/events.jsonl: one event a line. The member hash of each is the SHA-256 of
   the RFC 8785 form of its other members; prev_hash is the hash of the event
   before it. The event result.accepted of this result carries the record_digest.
   chain/segment.json says which events are there and whether they follow each
   other without a gap, and where the chain ended when this bundle was made.
   Events between ours belong to other parcels; they hold identifiers and digests.
   chain/*latest.json, where there is one: a head of the chain, signed with Ed25519
   by the key in chain/audit.pub over the RFC 8785 form of its other members. Ask
   for heads that others kept, and for the events up to them.

3. LOOK AT THE RAW DATA

   scan/*.h5 is HDF5 (h5dump, h5py, MATLAB, Igor): axis, counts (a row for each
   accumulation), dark, head (JSON: instrument, laser, exposure, time, settings)
   and transcript, the whole conversation with the instrument, byte for byte.
   blank/*.h5 is the same of the empty container.
   method/*.zip is a ZIP file: method.json holds recipes, thresholds, null tables
   (the scores of scans known to hold nothing) and the watch list; library/ holds
   the reference spectra as plain little-endian numbers: heads (a JSON object a
   line), axis, intensity and noise (float64), axis_of (uint32).

4. COMPUTE IT AGAIN

   On any computer, without our server:
       python -m pip install opioscan          (environment.json lists the versions)
       opioscan audit recompute BUNDLE.zip
   It checks every digest above, rebuilds the method and identifies the scan again.
   Verdict, components and reasons must be the same. Numbers are the same to the
   last bit where processor and libraries are the same, else within a millionth.
   What it takes from the record, because it cannot be seen in the scan: whether
   the instrument counted as verified, and whether calibration and method were in
   date (result.json, reasons; verification/ and calibrations/ hold the records).

5. PEOPLE

   {people}
   A calibration record may name who made it: it is signed for by its digest, and
   cannot be told without. The scan names the item as its label was read.
"""

_WITHOUT = "Who made the result is not in this bundle. Its event carries a salted digest of it."
_WITH = (
    "people.json names who made the result, with the salt of the digest in its event:\n"
    "   operator_digest is the SHA-256 of the salt's bytes followed by the name in UTF-8."
)


def readme(result_id: str, missing: Sequence[str], *, people: bool) -> str:
    """Return the text of ``README.txt``.

    Parameters
    ----------
    missing
        What the result names and nobody kept, in words.
    people
        Whether the bundle names the operator.
    """
    lacking = f"\nNOT IN THIS BUNDLE, because nobody kept it: {', '.join(missing)}.\n" if missing else ""
    return _TEXT.format(result_id=result_id, missing=lacking, people=_WITH if people else _WITHOUT)
