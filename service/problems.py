"""One table from every error to its exit code, HTTP status, problem code and title.

The command line, the bench agent and the server all look errors up here, so that the same
mistake has the same name wherever it is met. Classes are named as text: the server can then
name the errors of drivers it never imports.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from .errors import ServiceError

DONE, NEGATIVE, USAGE, DEVICE, DATA, SERVICE, LASER_MAY_BE_ON = range(7)
#: What a shell reports for a program ended by Ctrl-C (128 + SIGINT).
INTERRUPTED = 130

#: Longest detail in a problem: a message is one line, not a page.
MAX_DETAIL = 1000

LASER_WARNING = "THE LASER MAY BE ON. Leave the beam path and turn the key switch off."


@dataclass(frozen=True, slots=True)
class Kind:
    """What an error means outside the program."""

    exit_code: int
    """Exit code of the command line."""
    status: int
    """HTTP status."""
    code: str
    """Stable name programs may rely on."""
    title: str
    """Short summary for people, the same for every occurrence (RFC 9457, section 3.1.3)."""


UNEXPECTED = Kind(SERVICE, 500, "internal_error", "Something unexpected happened")
_LASER = "instrument.errors.LaserMayBeOn"

KINDS: dict[str, Kind] = {
    "spectra.errors.SpectraError": Kind(DATA, 422, "spectrum_error", "The spectrum cannot be used"),
    "spectra.errors.AxisError": Kind(DATA, 422, "axis_invalid", "The axis cannot be used"),
    "spectra.errors.ValueRangeError": Kind(DATA, 422, "value_out_of_range", "A number is out of range"),
    "spectra.errors.RecipeError": Kind(DATA, 422, "recipe_invalid", "The recipe cannot be carried out"),
    "spectra.errors.FormatError": Kind(DATA, 422, "file_damaged", "The file is damaged or incomplete"),
    "spectra.errors.UnknownFormat": Kind(DATA, 415, "format_unknown", "The file format is unknown"),
    "spectra.errors.SpectrumMismatch": Kind(DATA, 422, "spectra_differ", "The spectra cannot be compared"),
    "spectra.errors.MethodError": Kind(DATA, 422, "method_unsuitable", "The method cannot answer"),
    "calibration.errors.CalibrationError": Kind(
        DATA, 422, "calibration_error", "Calibration is not possible"
    ),
    "calibration.errors.NotCalibrated": Kind(
        DATA, 422, "not_calibrated", "The measurement gives no calibration"
    ),
    "calibration.errors.WrongDevice": Kind(DATA, 409, "wrong_device", "The calibration is of another device"),
    "calibration.errors.UncalibratedScan": Kind(DATA, 422, "uncalibrated", "The scan has no calibration"),
    "calibration.errors.UnknownStandard": Kind(USAGE, 422, "unknown_standard", "The standard is unknown"),
    "calibration.errors.WrongLaser": Kind(
        DATA, 409, "wrong_laser", "The calibration is of another laser line"
    ),
    "calibration.errors.CertificateInvalid": Kind(
        DATA, 422, "certificate_invalid", "The certificate cannot be used"
    ),
    "calibration.errors.ScanUnfit": Kind(DATA, 422, "scan_unfit", "The scan cannot be calibrated from"),
    "calibration.errors.RecordDamaged": Kind(DATA, 422, "record_damaged", "A calibration record is damaged"),
    "library.errors.LibraryError": Kind(DATA, 422, "library_error", "The library cannot be used"),
    "library.errors.LibraryFormatError": Kind(DATA, 422, "library_damaged", "The library is damaged"),
    "library.errors.LibraryVersionError": Kind(DATA, 422, "library_version", "Another library version"),
    "library.errors.LibraryNotFound": Kind(DATA, 404, "library_not_found", "There is no such library"),
    "library.errors.LibraryExists": Kind(DATA, 409, "library_exists", "The library is there already"),
    "library.errors.LibraryUnreadable": Kind(DATA, 500, "library_unreadable", "The library cannot be read"),
    "library.errors.LibraryNotWritten": Kind(DATA, 500, "library_not_written", "The library was not written"),
    "library.errors.LibraryBusy": Kind(DATA, 503, "library_busy", "The library is being changed"),
    "library.errors.EntryNotFound": Kind(DATA, 404, "entry_not_found", "There is no such entry"),
    "library.errors.EditRefused": Kind(DATA, 422, "edit_refused", "The entry was not changed"),
    "library.errors.DraftError": Kind(DATA, 422, "draft_unusable", "The draft cannot be used"),
    "library.errors.AuthenticationRefused": Kind(
        DATA, 422, "authentication_refused", "The draft was not authenticated"
    ),
    "library.errors.TableError": Kind(DATA, 500, "table_damaged", "A shipped table is damaged"),
    "library.errors.ImportRefused": Kind(DATA, 422, "import_refused", "Nothing was imported"),
    "library.errors.ManifestError": Kind(DATA, 422, "manifest_invalid", "The manifest cannot be followed"),
    "library.release_errors.ReleaseError": Kind(DATA, 422, "release_error", "The release cannot be used"),
    "library.release_errors.KeyUnusable": Kind(DATA, 422, "key_unusable", "The signing key cannot be used"),
    "library.release_errors.RepositoryUnready": Kind(
        DATA, 409, "repository_unready", "The repository is not ready"
    ),
    "library.release_errors.RepositoryUnreachable": Kind(
        SERVICE, 503, "repository_unreachable", "No repository answers"
    ),
    "library.release_errors.NothingTrusted": Kind(DATA, 409, "nothing_trusted", "No root is trusted here"),
    "library.release_errors.NothingToRollBack": Kind(
        DATA, 404, "nothing_to_roll_back", "There is nothing to roll back to"
    ),
    "library.release_errors.ReleaseStateDamaged": Kind(
        DATA, 500, "release_state_damaged", "The record of releases is damaged"
    ),
    "library.release_errors.ReleaseAltered": Kind(
        DATA, 422, "release_altered", "A released file was altered"
    ),
    "library.release_errors.UpdateRefused": Kind(DATA, 422, "update_refused", "The update was refused"),
    "library.release_errors.TooFewSignatures": Kind(DATA, 422, "too_few_signatures", "Too few people signed"),
    "library.release_errors.UnknownKey": Kind(DATA, 422, "unknown_key", "Signed with a key nobody trusted"),
    "library.release_errors.SignatureWrong": Kind(
        DATA, 422, "signature_wrong", "Altered after it was signed"
    ),
    "library.release_errors.MetadataExpired": Kind(
        DATA, 422, "metadata_expired", "The repository is past its date"
    ),
    "library.release_errors.OlderVersion": Kind(DATA, 409, "older_version", "Older than what was seen"),
    "library.release_errors.TargetSwapped": Kind(DATA, 422, "target_swapped", "Not the file that was signed"),
    "library.release_errors.DownloadTruncated": Kind(DATA, 422, "download_truncated", "A file is cut off"),
    "library.release_errors.TooMuchData": Kind(DATA, 413, "too_much_data", "A file is longer than it may be"),
    "library.release_errors.TooSlow": Kind(SERVICE, 504, "too_slow", "The repository is too slow"),
    "library.release_errors.ClockSetBack": Kind(DATA, 409, "clock_set_back", "The clock is set back"),
    "library.release_errors.MetadataDamaged": Kind(DATA, 422, "metadata_damaged", "The metadata is damaged"),
    "library.release_errors.RootUnfit": Kind(DATA, 422, "root_unfit", "The root is not fit to be trusted"),
    "library.release_errors.OtherMethodThere": Kind(
        DATA, 409, "other_method_there", "Another method has that name"
    ),
    "library.release_errors.ReleaseUnusable": Kind(
        DATA, 422, "release_unusable", "The release cannot be used by this program"
    ),
    "instrument.errors.InstrumentError": Kind(DEVICE, 503, "device_error", "The device failed"),
    "instrument.errors.DeviceURLError": Kind(USAGE, 422, "device_url_invalid", "The device name is unusable"),
    "instrument.errors.PortBusy": Kind(DEVICE, 409, "port_busy", "Another program has the port"),
    "instrument.errors.PortNotFound": Kind(DEVICE, 503, "port_not_found", "The port was not found"),
    "instrument.errors.ConnectionLost": Kind(DEVICE, 503, "connection_lost", "The device went away"),
    "instrument.errors.DeviceTimeout": Kind(DEVICE, 504, "device_timeout", "The device did not answer"),
    "instrument.errors.ProtocolError": Kind(DEVICE, 502, "protocol_error", "The device answered nonsense"),
    "instrument.errors.DeviceRefused": Kind(DEVICE, 409, "device_refused", "The device said no"),
    "instrument.errors.InterlockOpen": Kind(DEVICE, 409, "interlock_open", "The laser may not fire"),
    "instrument.errors.DeviceNotReady": Kind(DEVICE, 503, "device_not_ready", "The device is not ready yet"),
    "instrument.errors.HardwareFault": Kind(DEVICE, 503, "hardware_fault", "The device is broken"),
    "instrument.errors.UnknownSetting": Kind(USAGE, 422, "unknown_setting", "There is no such setting"),
    "instrument.errors.FileRefused": Kind(DATA, 422, "file_refused", "The device's file cannot be used"),
    "instrument.errors.MissingExtra": Kind(SERVICE, 501, "extra_missing", "An optional package is missing"),
    "instrument.errors.SettingOutOfRange": Kind(USAGE, 422, "setting_out_of_range", "A setting is too far"),
    "instrument.errors.AcquisitionAborted": Kind(DEVICE, 409, "scan_stopped", "The scan was stopped"),
    _LASER: Kind(LASER_MAY_BE_ON, 500, "laser_may_be_on", "The laser may be on"),
    "service.errors.ServiceError": Kind(SERVICE, 500, "service_error", "The service failed"),
    "service.errors.UsageError": Kind(USAGE, 422, "usage", "The request cannot be acted on"),
    "service.errors.SettingsError": Kind(USAGE, 500, "settings_invalid", "The settings are unusable"),
    "service.errors.StrangerPackages": Kind(
        SERVICE, 500, "stranger_packages", "Other packages stand in ours"
    ),
    "service.errors.MissingPart": Kind(SERVICE, 501, "part_missing", "A part is not installed"),
    "service.errors.ArchiveError": Kind(SERVICE, 500, "archive_error", "The archive failed"),
    "service.errors.DiskFull": Kind(SERVICE, 507, "disk_full", "The disk is full"),
    "service.errors.ScanNotFound": Kind(DATA, 404, "scan_not_found", "There is no such scan"),
    "service.errors.ScanDamaged": Kind(DATA, 422, "scan_damaged", "The scan is damaged"),
    "service.errors.CalibrationStoreError": Kind(
        SERVICE, 500, "calibration_store_error", "The store of calibration records failed"
    ),
    "service.errors.CalibrationNotFound": Kind(
        DATA, 404, "calibration_not_found", "There is no such calibration record"
    ),
    "service.errors.CalibrationDamaged": Kind(
        DATA, 422, "calibration_damaged", "A calibration record is damaged"
    ),
    "service.errors.EvidenceDamaged": Kind(DATA, 422, "evidence_damaged", "The evidence is damaged"),
    "service.errors.EvidenceMissing": Kind(DATA, 409, "evidence_missing", "The evidence is incomplete"),
    "service.errors.OutboxError": Kind(SERVICE, 500, "outbox_error", "The outbox failed"),
    "service.errors.OtherBody": Kind(SERVICE, 409, "other_body", "The key was used for something else"),
    "service.errors.AgentUnreachable": Kind(SERVICE, 503, "agent_unreachable", "No bench agent answers"),
    "service.errors.AgentRefused": Kind(SERVICE, 409, "agent_refused", "The bench agent said no"),
    "service.bench.refusals.DeviceBusy": Kind(DEVICE, 409, "device_busy", "The device is busy"),
    "service.bench.refusals.BlankUnusable": Kind(DATA, 409, "blank_unusable", "The blank cannot be used"),
    "service.bench.refusals.BlankRefused": Kind(DATA, 409, "blank_refused", "This is no empty container"),
    "service.bench.refusals.AccessoryUnclean": Kind(
        DEVICE, 409, "accessory_unclean", "Clean what touches the sample first"
    ),
    "service.bench.refusals.NotVerified": Kind(DEVICE, 409, "not_verified", "The instrument is not verified"),
    "service.bench.refusals.NotConfirmed": Kind(USAGE, 409, "not_confirmed", "A confirmation is missing"),
    "service.bench.refusals.PossiblyEnergetic": Kind(
        USAGE, 409, "possibly_energetic", "The item may be energetic: nothing was fired"
    ),
    "service.bench.refusals.FormUsed": Kind(USAGE, 409, "form_used", "The form was used before"),
    "service.bench.refusals.NotSignedIn": Kind(USAGE, 403, "not_signed_in", "Nobody is signed in"),
    "service.bench.refusals.WrongBadgeOrPin": Kind(
        USAGE, 403, "wrong_badge_or_pin", "Badge and PIN do not belong together"
    ),
    "service.bench.refusals.LockedOut": Kind(USAGE, 403, "locked_out", "Too many wrong tries"),
    "service.bench.refusals.NothingOpen": Kind(DATA, 404, "nothing_open", "No such screening is open"),
    "service.bench.refusals.WrongToken": Kind(SERVICE, 401, "wrong_token", "The token is missing or wrong"),
    "service.bench.refusals.ForeignOrigin": Kind(SERVICE, 403, "foreign_origin", "The form is not ours"),
    "service.bench.refusals.ForeignHost": Kind(SERVICE, 421, "foreign_host", "The host is not this agent"),
    "service.bench.refusals.ShuttingDown": Kind(SERVICE, 503, "shutting_down", "The agent is about to end"),
    "service.errors.ServerUnreachable": Kind(
        SERVICE, 503, "server_unreachable", "The server is out of reach"
    ),
    "service.errors.Unanswered": Kind(SERVICE, 504, "unanswered", "The server did not answer this request"),
    "service.errors.ServerRefused": Kind(SERVICE, 502, "server_refused", "The server said no"),
    "service.api.errors.ServerAlreadyRunning": Kind(SERVICE, 409, "server_running", "A server is running"),
    "service.api.errors.StoreTooNew": Kind(
        SERVICE, 500, "store_too_new", "The database is of a later version"
    ),
    "service.api.errors.StoreBusy": Kind(SERVICE, 503, "store_busy", "The database is busy"),
    "service.api.errors.StoreUnreadable": Kind(
        SERVICE, 500, "store_unreadable", "The database cannot be read"
    ),
    "service.api.errors.AuditKeyUnusable": Kind(
        SERVICE, 500, "audit_key_unusable", "The audit key cannot be used"
    ),
    "service.api.errors.HeadsUnreadable": Kind(
        SERVICE, 500, "heads_unreadable", "Signed heads cannot be read"
    ),
    "service.api.errors.StoreUnreachable": Kind(
        SERVICE, 503, "store_unreachable", "The database server does not answer"
    ),
    "service.api.errors.StoreUnsuitable": Kind(
        SERVICE, 500, "store_unsuitable", "The database cannot take the records"
    ),
    "service.api.errors.TextUnfit": Kind(DATA, 422, "text_unfit", "A text cannot be kept"),
    "service.api.errors.BackupRefused": Kind(DATA, 422, "backup_refused", "The backup was refused"),
    "service.api.errors.WebhookKeyUnusable": Kind(
        SERVICE, 500, "webhook_key_unusable", "The key of the webhooks cannot be used"
    ),
    "service.api.errors.UnrecordedChange": Kind(SERVICE, 500, "unrecorded", "A change had no event"),
    "builtins.FileNotFoundError": Kind(DATA, 404, "file_not_found", "There is no such file"),
    "builtins.IsADirectoryError": Kind(DATA, 422, "is_a_folder", "A file was expected, not a folder"),
    "builtins.NotADirectoryError": Kind(DATA, 422, "not_a_folder", "A folder was expected, not a file"),
    "builtins.FileExistsError": Kind(DATA, 409, "file_exists", "The file is there already"),
    "builtins.PermissionError": Kind(DATA, 403, "not_permitted", "This user may not do that"),
}


def kind_of(error: BaseException) -> Kind:
    """Return what an error means outside, by its nearest class in the table.

    A class of ``service`` may carry a ``code`` and a ``status`` of its own, which then count.
    A laser that may be on outranks whatever happened after it: it is found among the causes
    and the members of groups as well.
    """
    if any(_named(type(each), _LASER) for each in _related(error)):
        return KINDS[_LASER]
    nearest = (KINDS[name] for name in map(_name, type(error).__mro__) if name in KINDS)
    kind = next(nearest, UNEXPECTED)
    code, status = getattr(error, "code", None), getattr(error, "status", None)
    if isinstance(error, ServiceError) and isinstance(code, str) and isinstance(status, int):
        return replace(kind, code=code, status=status)
    return kind


def problem_of(error: BaseException, *, instance: str = "") -> dict[str, Any]:
    """Return the RFC 9457 problem object of an error.

    Parameters
    ----------
    error
        The error; the message of an unexpected one stays inside.
    instance
        What the problem occurred on: a request path, a command.
    """
    kind = kind_of(error)
    detail = message_of(error) if kind is not UNEXPECTED else "the details are in the log"
    return {
        "type": f"urn:opioscan:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        "code": kind.code,
    }


def message_of(error: BaseException) -> str:
    """Return an error's message as one bounded line."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    line = " ".join(text.split()) or type(error).__name__
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"


def error_of(problem: Mapping[str, Any], *, default: type[Exception] = ServiceError) -> Exception:
    """Return the error a problem object stands for, so that exit codes survive the wire.

    Parameters
    ----------
    problem
        Problem object as another process sent it.
    default
        Class for a code this version does not know.
    """
    detail = str(problem.get("detail") or problem.get("title") or "no details given")
    for name, kind in KINDS.items():
        if kind.code == problem.get("code") and not name.startswith("builtins."):
            module, _, cls = name.rpartition(".")
            found: Exception = getattr(import_module(module), cls)(detail)
            return found
    return default(detail)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def _named(cls: type, name: str) -> bool:
    return any(_name(each) == name for each in cls.__mro__)


def _related(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [more for more in (each.__cause__, each.__context__) if more is not None]
        waiting += getattr(each, "exceptions", ()) if isinstance(each, BaseExceptionGroup) else ()
