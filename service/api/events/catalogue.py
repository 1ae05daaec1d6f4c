"""Every kind of event, and what its data hold. Names and fields are kept; new ones may be added."""

#: Kind of event → what happened.
KINDS: dict[str, str] = {
    "parcel.registered": "A parcel is known: parcel_id, provisional, salted digest of its item identifier.",
    "screening.opened": "A visit to a bench began: screening_id, parcel_id, bench.",
    "screening.completed": "The visit ended: ids and finding. This alone may lift a hold request.",
    "screening.amended": "A result came after completion; the finding never becomes weaker by it.",
    "screening.superseded": "A later complete screening of the parcel stands in its place.",
    "scan.stored": "Raw data are in the archive: scan_id, size, role, emulated.",
    "result.accepted": "An identification was accepted: ids, verdict, training, digests.",
    "calibration.stored": "A calibration record was kept: record_id (its digest), kind, device, emulated.",
    "verification.recorded": "An instrument was checked: scan_id, device, standard, passed, at, body_digest.",
    "result.flagged": "Results are to be looked at again: flag_id, reason, device, verification, result_ids "
    "(at most 1,000), body_digest. Their findings stay. Comes again for a result that arrives later.",
    "flag.reviewed": "Somebody looked: flag_id, token_id, note_digest (salted).",
    "bench.changed": "A bench works with something else now: bench, token_id, what it reported of itself.",
    "token.created": "A token was made: token_id, role, expires_at.",
    "token.revoked": "A token was revoked: token_id.",
}
