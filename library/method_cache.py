"""Class models kept between runs, by the digest of all they depend on."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from spectra.class_model import ClassModel
from spectra.digest import json_digest
from spectra.errors import SpectraError
from spectra.method import CLASSES, Method
from spectra.recipe import default_recipe
from spectra.values import Technique

from .replacing import replace_file
from .store import Library

#: Counted up whenever the training of classes changes, so that old caches are not used.
CLASS_REVISION = 1

#: A kept class model larger than this is not ours.
MAX_MODEL_BYTES = 64 << 20


def kept_models(
    cache: Path | None, library: Library, techniques: Sequence[Technique], seed: int
) -> dict[Technique, tuple[ClassModel, ...]]:
    """Return the models kept for a library; a damaged one counts as missing and is trained again."""
    if cache is None:
        return {}
    found = {
        t: tuple(
            model for name in CLASSES if (model := _read(cache, _key(library, t, name, seed))) is not None
        )
        for t in techniques
    }
    return {technique: models for technique, models in found.items() if models}


def keep_models(cache: Path, library: Library, method: Method, seed: int) -> None:
    """Keep the models of a method, the last of each class."""
    for technique, models in method.class_models.items():
        for model in models:
            key = _key(library, technique, model.name, seed)
            kept = _read(cache, key)
            if kept is None or kept.digest != model.digest:
                cache.mkdir(parents=True, exist_ok=True)
                text = json.dumps({"key": key, "digest": model.digest, "model": model.to_json()})
                replace_file(_path(cache, key), partial(Path.write_text, data=text, encoding="utf-8"))


def _read(cache: Path, key: str) -> ClassModel | None:
    path = _path(cache, key)
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            return None
        kept: Any = json.loads(path.read_text("utf-8"))
        model = ClassModel.from_json(kept["model"])
        return model if kept["key"] == key and kept["digest"] == model.digest else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SpectraError):
        return None


def _path(cache: Path, key: str) -> Path:
    return cache / f"class-{key[:32]}.json"


def _key(library: Library, technique: Technique, name: str, seed: int) -> str:
    return json_digest(
        {
            "library": library.digest,
            "recipe": default_recipe(technique).digest,
            "class": name,
            "seed": seed,
            "revision": CLASS_REVISION,
        }
    )
