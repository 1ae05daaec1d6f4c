"""The environment the bars run in, and the state of the tree they speak of. Standard library only."""

import hashlib
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

PACKAGES = ("spectra", "library", "calibration", "instrument", "service")
NEEDED = ("pytest", "pytest_cov", "xdist", "coverage", "seabreeze", "usb", "spektralwerk_scpi_client")


def tree_state(root: Path) -> str:
    """Return a name for the state of the tree: the commit, and a digest of what was changed since."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return f"no-git+{_digest_of(_files(root))[:12]}"
    changed = _git(root, "diff", "HEAD", "--binary") or b""
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z") or b""
    untracked = [root / name.decode() for name in listed.split(b"\0") if name]
    commit = head.decode().strip()[:12]
    if not changed and not untracked:
        return commit
    return f"{commit}+{hashlib.sha256(changed + _digest_of(untracked).encode()).hexdigest()[:12]}"


def python_for_bars(root: Path, state: Path, tree: str, *, fresh: bool) -> Path:
    """Return a Python with this tree's opioscan: the one that runs us, or one of our own making."""
    if not fresh and _is_ours(root):
        return Path(sys.executable)
    folder = state / "venv"
    python, stamp = folder / "bin" / "python", folder / "tree"
    if python.exists() and stamp.exists() and stamp.read_text() == tree and not fresh:
        return python
    print(f"bars: installing opioscan into {folder}", file=sys.stderr, flush=True)
    if not python.exists() or fresh:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    stamp.unlink(missing_ok=True)
    pip = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "uninstall", "--yes", "opioscan"], check=True, capture_output=True)
    subprocess.run([*pip, "install", ".[test,conformance,bars]"], cwd=root, check=True)
    stamp.write_text(tree)
    return python


def python_apart(folder: Path, packages: tuple[str, ...]) -> Path:
    """Return a Python of an environment that holds these packages and nothing of ours."""
    python, stamp = folder / "bin" / "python", folder / "packages"
    wanted = "\n".join(packages)
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *packages], check=True)
        stamp.write_text(wanted)
    return python


def _is_ours(root: Path) -> bool:
    """Whether the running environment has all that is needed, and an opioscan equal to the tree's."""
    try:
        found = importlib.metadata.distribution("opioscan")
    except importlib.metadata.PackageNotFoundError:
        return False
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        return False
    if not Path(sys.executable).with_name("opioscan").exists():
        return False
    direct = json.loads(found.read_text("direct_url.json") or "{}")
    if direct.get("dir_info", {}).get("editable"):
        return Path(direct["url"].removeprefix("file://")).resolve() == root
    place = Path(str(found.locate_file("")))
    return all(
        (place / path.relative_to(root)).is_file()
        and (place / path.relative_to(root)).read_bytes() == path.read_bytes()
        for path in _files(root, PACKAGES)
    )


def _files(root: Path, folders: tuple[str, ...] = (*PACKAGES, "tests")) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def _digest_of(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
