"""What the groups of operations are about, in the order in which a newcomer meets them."""

TAGS: dict[str, str] = {
    "parcels": "Physical items. Register them, with what was told in advance; read how far each is and the "
    "gravest finding that stands; see which wait, the riskiest first.",
    "screenings": "Visits of a parcel to a bench. Only a completed one may lift a hold request.",
    "results": "Identifications in a screening, one for each scan. They are never changed.",
    "scans": "Raw data, under the SHA-256 of their bytes.",
    "links": "To which parcel a screening belongs. A correction supersedes, and keeps, what stood before.",
    "dispositions": "What became of a parcel, posted back by the parcel system.",
    "events": "Everything that happened, in order, without gaps, each chained to the one before it.",
    "webhooks": "Events sent to you, signed by the Standard Webhooks specification.",
    "sandbox": "Simulated parcels and screenings to try things out. They count nowhere.",
    "reviews": "People who look again: referrals, alarms to be acknowledged, negatives drawn at random.",
    "operations": "What a site does for some time, so that its measures can be told apart.",
    "measures": "How much was screened, what was found, how long it took.",
    "benches": "The fleet: what each bench works with and how it stands.",
    "calibrations": "Calibration records of instruments.",
    "verifications": "Checks of instruments, passed and failed.",
    "flags": "Results that somebody has to look at again, because an instrument failed a check.",
    "impact": "Which results depended on something that turned out to be wrong.",
    "methods": "Method files, kept as evidence: everything a result can be computed again with.",
    "evidence": "What a result rests on: curves, reports, bundles.",
    "audit": "Proof that the records are what they were; retention and legal holds.",
    "legal holds": "Parcels whose personal data are kept in spite of retention, until a hold is lifted.",
    "tokens": "Who may ask.",
    "health": "Whether the server runs and can work. No token needed.",
}
