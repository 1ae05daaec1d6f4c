"""Pictures of what ``opioscan identify`` found: files by name, folder or pattern, or the terminal."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from spectra.identification import Identification
from spectra.recipe import Recipe
from spectra.values import Spectrum

from ..errors import UsageError
from .output import say
from .spectrum_files import write_whole

#: Place of the running number in a file name.
NUMBER = "{n}"
#: Instead of a file name: the terminal.
TERMINAL = "-"
#: Fewer columns cannot hold a plot, more are hard to read.
NARROWEST, WIDEST = 40, 120


class Pictures:
    """Where pictures go, one for each spectrum.

    Parameters
    ----------
    out
        ``OUT.png`` or ``OUT.svg``, the same with ``{n}`` in it for a running number, a folder, or ``-``
        for the terminal.
    files
        Spectrum files asked about.
    force
        True replaces pictures that are there.
    json
        True where standard output belongs to JSON.

    Raises
    ------
    UsageError
        No kind of picture, several files for one picture, or pictures amid JSON.
    """

    def __init__(self, out: str, files: Sequence[Path], *, force: bool, json: bool) -> None:
        self._out = out
        self._force = force
        self._names: set[str] = set()
        self._count = 0
        self._folder = out != TERMINAL and Path(out).is_dir()
        if out == TERMINAL and json:
            raise UsageError("--json and --plot - both write to standard output: give --plot OUT.png")
        if out != TERMINAL and not self._folder:
            _check_suffix(Path(out))
        self.check_count(len(files), "files")

    def check_count(self, count: int, what: str) -> None:
        """Raise `UsageError` where several spectra would have to share one file name."""
        if count > 1 and self._out != TERMINAL and not self._folder and NUMBER not in Path(self._out).name:
            stem = Path(self._out)
            better = stem.with_name(f"{stem.stem}-{NUMBER}{stem.suffix}")
            raise UsageError(
                f"{count} {what} need a picture each: give --plot {better} for a running number, or a folder"
            )

    def draw(
        self, answer: Identification, query: Spectrum, *, blank: Spectrum | None, recipe: Recipe
    ) -> None:
        """Draw one answer where it belongs; ``recipe`` is what treated the query.

        Raises
        ------
        OSError
            The file is there already, or cannot be written.
        """
        from ..plots import identification_picture, kind_of, scene_of, terminal_answer

        self._count += 1
        scene = scene_of(answer, query, blank=blank, recipe=recipe)
        if self._out == TERMINAL:
            width = min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST) - 2
            unicode = (sys.stdout.encoding or "").lower().startswith("utf")
            say(terminal_answer(scene, width, braille=unicode))
            return
        path = self._path(answer)
        write_whole(path, identification_picture(scene, kind=kind_of(path)), force=self._force)

    def _path(self, answer: Identification) -> Path:
        """Return the next file: by number, or in the folder by the spectrum's own name."""
        out = Path(self._out)
        if not self._folder:
            return out.with_name(out.name.replace(NUMBER, str(self._count)))
        name, _, number = Path(answer.source).name.rpartition("#")
        stem = f"{Path(name).stem}-{number}" if name and number.isdecimal() else Path(answer.source).stem
        # a picture of another file with that name must not be replaced by this one
        fresh = stem if stem not in self._names else f"{stem}-{self._count}"
        self._names.add(fresh)
        return out / f"{fresh}.png"


def _check_suffix(out: Path) -> None:
    from ..plots import kind_of

    try:
        kind_of(out)
    except ValueError as error:
        more = "" if out.suffix else f"; for a folder of them make it first: mkdir {out}"
        raise UsageError(f"{error}{more}") from error
