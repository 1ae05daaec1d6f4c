"""Every kind of event, and what its data hold in words; `schemas` has the fields.

Names and fields are kept; new ones may be added. `promise` says it to those who read events.
"""

#: Kind of event → what happened.
KINDS: dict[str, str] = {
    "parcel.registered": "A parcel is known: parcel_id, provisional, salted digest of its item identifier.",
    "screening.opened": "A visit to a bench began: screening_id, parcel_id, bench, site, "
    "operation_id (or null).",
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
    # parcels at work
    "parcel.updated": "Advance data, risk or known shipper changed: parcel_id, fields (their names), "
    "risk_score.",
    "parcel.merged": "A provisional parcel turned out to be another: parcel_id, into.",
    "link.made": "A screening belongs to a parcel: link_id, screening_id, parcel_id, supersedes (or null), "
    "reference (the parcel system's own).",
    "disposition.recorded": "What the parcel system did: disposition_id, parcel_id, decision, "
    "compliant (or null).",
    # webhooks
    "webhook.created": "A receiver was named: webhook_id, host, types.",
    "webhook.changed": "A receiver was changed, stopped or started: webhook_id, state, host, types, "
    "why (asked, secret, gone, failing).",
    # operations, reviews
    "operation.created": "An operation was planned: operation_id, name, sites, starts_at, ends_at.",
    "operation.changed": "An operation was changed: operation_id, what it is now.",
    "review.requested": "Somebody is to look: review_id, kind (referral, alarm, negative_check), "
    "screening_id, "
    "result_id (or null), asked_by.",
    "review.answered": "Somebody looked: review_id, screening_id, outcome (agree, overrule, note, "
    "laboratory), "
    "confirmed (or null), note_digest (salted).",
    # proof
    "records.sealed": "Digests of records that were there before records were sealed one by one: rows.",
    "personal.purged": "Personal data were erased: what, how many, before (a moment), holds kept.",
    "hold.placed": "Personal data of a parcel are kept in spite of retention: hold_id, parcel_id, "
    "why_digest (salted).",
    "hold.lifted": "Retention counts again: hold_id, parcel_id.",
    # methods
    "method.stored": "A method's file is kept as evidence: file_id (its SHA-256), name, version, "
    "method_digest, "
    "library_digest.",
}
