"""The rules of the house: what stands where, who may import whom, and which names outsiders rely on."""

import ast
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("spectra", "library", "calibration", "instrument", "service")
TOP_LEVEL = {*PACKAGES, "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}

#: Folders of a machine, not of the project, and user folders whoever they belong to.
MACHINE_PATHS = re.compile(
    r"(?<![\w/.])(?:/home/(?!USER\b|user\b)\w+/|/Users/\w+/|/root/|/work/|/workspace/|/mnt/data/|[A-Z]:\\\\?Users\\)"
)

#: Module → its ``__all__``, or the public classes and functions defined in it. Whoever adds, renames or removes one
#: changes what outsiders rely on, and therefore this table.
SPECTRA = {
    "values": "DeviceInfo Presentation Role Scan Spectrum Technique check_ascending frozen_array",
    "references": "Authentication Grade ReferenceEntry Substance same_person",
    "digest": "array_digest bytes_digest canonical_json json_digest",
    "errors": "AxisError FormatError MethodError RecipeError SpectraError SpectrumMismatch UnknownFormat "
    "ValueRangeError",
    "reasons": "Reason Verdict blocked next_steps",
    "sequential": "Look decided plan_looks settled",
    "promise": "search_share share_of",
    "recipe": "Features FeaturesBatch MIN_COVERAGE Recipe default_recipe prepare prepare_many shipped_recipes",
    "query": "Query make_query weigh",
    "fitting": "Design Fit Term areas basis_of columns fit_terms widths_index",
    "nulls": "NullTable best_terms largest_absent ordered_table simulate_null",
    "null_scans": "NullScan simulated_scan",
    "class_model": "ClassEvidence ClassModel MIN_CLASS_MEMBERS class_evidence counts_as_known fit_class_model",
    "agreement": "Agreement TechniqueSummary agreement_of summary_of watched_parts",
    "validation": "Case Judged Names Rate clopper_pearson judge",
    "simulation": "detector_axis fluorescence_curve mix",
    "infrared": "CLEAN_LIMIT CrystalState absorbance_of aligned_background crystal_clean lit_part transmittance_of",
    "finding": "Finding combine",
    "identification": "FOREIGN Component Curves Identification InstrumentState Quality identify",
    "method": "Method WatchItem fit may_exclude may_name naming_bar reference_sets",
    "formats.testing": "OUR_SAMPLES ReaderContract SampleFile damaged",
    "formats": "Decoded MAX_BYTES decode encode_csv encode_jcamp",
}
LIBRARY = {
    "store": "Library content_digest read_layout read_library write_library",
    "substances": "SubstanceTable is_controlled",
    "importing": "ImportReport import_folder reference_id",
    "admission": "Admission Refusal admit was_edited",
    "changes": "change_library changes_path read_changes",
    "comparing": "Comparison EntryChange Remeasured compare",
    "confusability": "Confusability confusability",
    "coverage": "Covered coverage",
    "assignments": "Assignment parse_assignment value_of",
    "documenting": "Papers authentication_of certificate_facts is_documented moment_of papers_of undocumented with_papers",
    "editing": "Edited changed differences edit_entry remove_entry with_history",
    "exporting": "export_facts export_folder",
    "quality": "QualityReport check_entries",
    "quality_codes": "Code Severity",
    "starter": "ensure_starter pseudo_voigt starter_entries",
    "methods": "fit_method ship_null_tables training_method",
    "release_keys": "SigningKey make_key read_key read_public whose",
    "release_staging": "sign_staged stage_release stage_root staged",
    "release_publish": "Published publish",
    "release_source": "FolderSource Source",
    "release_trust": "Trusted examine_root fingerprint trust_root trusted_root",
    "release_update": "Updated update",
    "release_active": "active_release check_installed is_whole read_active roll_back",
    "release_errors": "ClockSetBack DownloadTruncated KeyUnusable MetadataDamaged MetadataExpired NothingToRollBack "
    "NothingTrusted OlderVersion OtherMethodThere ReleaseAltered ReleaseError ReleaseStateDamaged ReleaseUnusable "
    "RepositoryUnreachable RepositoryUnready RootUnfit SignatureWrong TargetSwapped TooFewSignatures TooMuchData TooSlow "
    "UnknownKey UpdateRefused",
    "authenticating": "Authenticated authenticate authenticated_entry disagreement training_library",
    "vouching": "Vouched document_all",
    "averaging": "average",
    "drafts": "Draft Replicate Sample Session expiry_of has_expired is_training",
    "draft_json": "draft_json read_draft write_draft",
    "judging": "Judgement agreement_of judge judged without_struck",
    "errors": "AuthenticationRefused DraftError EditRefused EntryNotFound ImportRefused LibraryBusy LibraryError "
    "LibraryExists LibraryFormatError "
    "LibraryNotFound LibraryNotWritten LibraryUnreadable LibraryVersionError ManifestError TableError",
}
CALIBRATION = {
    "apply": "average calibrated_axis spectrum_of",
    "srm": "Curve certified check_laser curve_of",
    "smoothing": "Smoothed roughness smooth",
    "response": "apply_response calibrate_response is_corrected",
    "resolution": "calibrate_resolution instrument_width voigt_width",
    "film": "calibrate_film",
    "film_table": "FilmBand FilmTable",
    "errors": "CalibrationError CertificateInvalid NotCalibrated RecordDamaged ScanUnfit UncalibratedScan "
    "UnknownStandard WrongDevice WrongLaser",
    "charts": "Average Limits Signal averages individuals signals",
    "chart_series": "Chart ChartPoint Phase Series VerificationPoint charts_of",
    "comparing": "Difference compare_axes compare_responses compare_widths in_wavelengths residual_by "
    "residual_by_device sigma_of",
    "due": "Due Passed due",
    "limits": "Limits",
    "negative": "negative_control",
    "positive": "verify_axis",
    "verification": "Figure LineCheck Verification",
}
INSTRUMENT = {
    "config": "BenchConfig bench_config load_config save_device",
    "acquisition": "Enough LightSource Progress READOUT_S ScanPlan no_progress take_scan",
    "device_url": "DeviceURL",
    "discovery": "Found Silent look_at_host look_at_serial",
    "lighting": "Lighting READOUT_S",
    "guardian": "GuardedLaser GuardedSpectrometer GuardedUnit GuardianHandle GuardianWatch LaserState State "
    "start_guardian stop_guardian",
    "transport": "ByteStream Transcript",
    "interfaces": "Capability FileBacked Laser LaserStatus OriginalFile Setting Spectrometer SpectrometerLimits "
    "SpectrometerStatus Unit never_stop",
    "registry": "BENCH_PARAMS COMMON_PARAMS ENTRY_POINTS DeviceURL Driver broken_entry_points check_laser_url "
    "check_spectrometer_url contains_laser laser laser_drivers open_laser open_spectrometer open_unit spectrometer "
    "spectrometer_drivers technique_of unit unit_drivers",
    "testing": "DriverContract Exchange LaserContract OUR_RIGS SpectrometerContract TranscriptStream UnitContract "
    "on_rig rig rigged running_emulator running_program without_rig",
    "errors": "AcquisitionAborted ConnectionLost DeviceNotReady DeviceRefused DeviceTimeout DeviceURLError "
    "FileRefused HardwareFault InstrumentError InterlockOpen LaserMayBeOn MissingExtra PortBusy PortNotFound "
    "ProtocolError SettingOutOfRange UnknownSetting",
}
SERVICE = {
    "errors": "AgentRefused AgentUnreachable ArchiveError CalibrationDamaged CalibrationNotFound CalibrationStoreError "
    "DiskFull EvidenceDamaged EvidenceMissing MissingPart OtherBody OutboxError ScanDamaged "
    "ScanNotFound ServerRefused ServerUnreachable ServiceError SettingsError StrangerPackages Unanswered "
    "UsageError",
    "settings": "Settings load_settings software_version",
    "problems": "Kind error_of kind_of message_of problem_of",
    "calibrated": "Calibrated blank_spectrum calibrated calibrated_spectrum fitting id_of in_force_at with_calibration",
    "calibrations": "Calibrations",
    "clock": "awake_or_not clock_state",
    "method_fetch": "HttpSource open_source",
    "release_gate": "Change Gate gate_lines judge_release panel_digest",
    "released": "ReleaseFacts active_release method_in_force release_facts release_mark released_method with_age",
    "fleet": "ask_fleet",
    "asking": "Server asking",
    "impact": "BenchIndex Index Question ServerIndex candidates moment results",
    "uses": "Use device_key is_prefix moment_text uses_of",
    "replies": "json_object read_bounded",
    "archive.journal": "Archive ArchiveProblem ArchivedScan free_bytes",
    "archive.whole": "flush_folder write_whole",
    "archive.scanfile": "decode_attached decode_scan decode_transcript encode_scan with_transcript",
    "api.app": "create_app",
    "api.settings": "ServerSettings",
    "bench.client": "BenchClient",
    "bench.flow": "capture examine screen tell",
    "plots": "Kind MAX_CURVES Scene identification_picture kind_of scene_of spectrum_picture terminal_answer terminal_plot",
    "bench.outbox": "AsideOp FlushReport Lane Outbox OutboxOp Patience RefusedOp Send SendReply",
    "bench.outbox_ops": "AsideOp FlushReport Lane OutboxOp Patience RefusedOp SendReply",
    "bench.sending": "flush flush_all",
    "bench.uplink": "Uplink",
    "cli.output": "console emit_json progress say verdict_panel warn words_of",
    "cli.app": "dispatch help_text load",
    "cli.start": "check_packages main printable run",
}
PINNED = {
    f"{package}.{module}": names
    for package, modules in zip(PACKAGES, (SPECTRA, LIBRARY, CALIBRATION, INSTRUMENT, SERVICE), strict=True)
    for module, names in modules.items()
}


def modules():
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tracked():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", PINNED)
def test_public_names_are_pinned(name):
    module = importlib.import_module(name)
    defined = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
    }
    found = set(getattr(module, "__all__", defined))
    assert found == set(PINNED[name].split())


def test_the_top_level_is_fixed():
    top = {named(path).partition("/")[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
    assert {*PACKAGES, "tests", "pyproject.toml", "LICENSE"} <= top


def test_every_module_says_what_it_is_for():
    silent = [
        named(path)
        for path in modules()
        if path.parent.name != "versions" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_imports_are_relative_inside_and_absolute_across():
    wrong = []
    for path in modules():
        parts = path.relative_to(ROOT).parts
        if "migrations" in parts:
            continue  # Alembic runs these by their path, as modules of no package
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                own = node.module.partition(".")[0] == parts[0]
            else:
                own = isinstance(node, ast.ImportFrom) and node.level >= len(parts)
            wrong += [f"{named(path)}:{node.lineno}"] if own else []
    assert wrong == []


def test_import_directions_hold():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which(
        "lint-imports"
    )
    if command is None:
        pytest.skip("import-linter is not installed; CI runs this check")
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_developers_machine():
    found = []
    for path in tracked():
        if path == Path(__file__).resolve():
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{named(path)}:{n}" for n, line in enumerate(lines, 1) if MACHINE_PATHS.search(line)]
    assert found == []


def test_every_package_is_in_the_wheel_and_typed():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)
    assert project["project"]["scripts"] == {"opioscan": "service.cli.start:main"}
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
