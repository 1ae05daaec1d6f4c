"""Who may do what: one table of operations and roles."""

from enum import StrEnum


class Role(StrEnum):
    """What a token is for."""

    BENCH = "bench"
    OFFICER = "officer"
    TECHNICIAN = "technician"
    PARCEL_SYSTEM = "parcel-system"
    AUDITOR = "auditor"
    ADMIN = "admin"


EVERYBODY = frozenset(Role)
_PEOPLE = EVERYBODY - {Role.BENCH, Role.PARCEL_SYSTEM}
_SCREENERS = frozenset({Role.BENCH, Role.OFFICER})
_RAW_DATA = frozenset({Role.BENCH, Role.TECHNICIAN, Role.AUDITOR, Role.ADMIN})
_REGISTRARS = frozenset({Role.BENCH, Role.OFFICER, Role.PARCEL_SYSTEM})
_REVIEWERS = frozenset({Role.TECHNICIAN, Role.AUDITOR, Role.ADMIN})
_PLANNERS = frozenset({Role.TECHNICIAN, Role.ADMIN})
_KEEPERS = frozenset({Role.AUDITOR, Role.ADMIN})
_FOLLOWERS = frozenset({Role.PARCEL_SYSTEM, Role.AUDITOR, Role.ADMIN})

#: Operation (the name of the route's function) → roles that may do it. An operation that is
#: not in here is refused to everybody.
PERMISSIONS: dict[str, frozenset[Role]] = {
    "register_parcel": _REGISTRARS,
    "list_parcels": EVERYBODY,
    "get_parcel": EVERYBODY,
    "list_parcel_results": EVERYBODY,
    "open_screening": _SCREENERS,
    "get_screening": EVERYBODY,
    "complete_screening": _SCREENERS,
    "put_scan": frozenset({Role.BENCH, Role.TECHNICIAN}),
    "get_scan": _RAW_DATA,
    "put_result": frozenset({Role.BENCH}),
    "post_result": frozenset({Role.BENCH}),
    "get_result": EVERYBODY,
    "list_results": EVERYBODY,
    "list_events": _FOLLOWERS,
    "report_bench": frozenset({Role.BENCH}),
    "list_benches": _PEOPLE,
    "get_bench": _PEOPLE,
    "put_calibration": frozenset({Role.BENCH, Role.TECHNICIAN}),
    "list_calibrations": _PEOPLE | {Role.BENCH},
    "get_calibration": _PEOPLE | {Role.BENCH},
    "put_verification": frozenset({Role.BENCH}),
    "list_verifications": _PEOPLE,
    "put_flag": frozenset({Role.BENCH}),
    "list_flags": _REVIEWERS,
    "get_flag": _REVIEWERS,
    "review_flag": frozenset({Role.TECHNICIAN}),
    "list_impact": _REVIEWERS,
    "list_impact_candidates": _REVIEWERS,
    "latest_page": _PEOPLE,
    "fleet_page": _PEOPLE,
    "flags_page": _REVIEWERS,
    "review_form": frozenset({Role.TECHNICIAN}),
    # parcels at work: advance data, bulk, queue, links, dispositions, sandbox
    "register_parcels": _REGISTRARS,
    "patch_parcel": frozenset({Role.PARCEL_SYSTEM, Role.OFFICER, Role.TECHNICIAN}),
    "merge_parcel": frozenset({Role.OFFICER, Role.TECHNICIAN}),
    "list_waiting": EVERYBODY - {Role.PARCEL_SYSTEM},
    "make_link": frozenset({Role.OFFICER, Role.TECHNICIAN}),
    "list_links": EVERYBODY,
    "get_link": EVERYBODY,
    "record_disposition": frozenset({Role.PARCEL_SYSTEM}),
    "list_dispositions": EVERYBODY,
    "make_sandbox_parcel": frozenset({Role.PARCEL_SYSTEM}),
    "screen_sandbox_parcel": frozenset({Role.PARCEL_SYSTEM}),
    # events and webhooks
    # operations, reviews, measures
    "create_operation": _PLANNERS,
    "list_operations": _PEOPLE | {Role.BENCH},
    "get_operation": _PEOPLE | {Role.BENCH},
    "change_operation": _PLANNERS,
    "ask_review": frozenset({Role.BENCH, Role.OFFICER, Role.TECHNICIAN}),
    "list_reviews": _PEOPLE,
    "get_review": _PEOPLE,
    "answer_review": _PLANNERS,
    "get_measures": _PEOPLE,
    "get_measures_csv": _PEOPLE,
    "reviews_page": _PEOPLE,
    "answer_form": _PLANNERS,
    "measures_page": _PEOPLE,
    "measures_file": _PEOPLE,
    "measures_json": _PEOPLE,
    # audit, holds, purges
    "get_audit_head": _FOLLOWERS | {Role.BENCH},
    "place_legal_hold": _KEEPERS,
    "lift_legal_hold": _KEEPERS,
    "get_legal_hold": _KEEPERS,
    # methods, curves, reports, bundles
    "put_method": frozenset({Role.BENCH, Role.TECHNICIAN}),
    "list_methods": _RAW_DATA,
    "get_method": _RAW_DATA,
    "get_curves": _PEOPLE | {Role.BENCH},
    "get_report": EVERYBODY,
    "get_bundle": _REVIEWERS,
    # pages of results, libraries, calibrations
    "result_page": _PEOPLE,
    "result_file": _PEOPLE,
    "curves_file": _PEOPLE,
    "scan_file_of_result": _RAW_DATA - {Role.BENCH},
    "screening_page": _PEOPLE,
    "parcel_page": _PEOPLE,
    # tokens and limits
}

#: Operations that need no token.
PUBLIC = frozenset({"healthz", "readyz", "login_page", "login", "logout", "static_file", "docs_page"})


def allowed(operation: str, role: Role) -> bool:
    """Whether a role may do an operation."""
    return role in PERMISSIONS.get(operation, frozenset())
