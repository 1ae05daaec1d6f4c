"""Errors of the package ``spectra``.

::

    SpectraError
    ├── AxisError (ValueError)        an axis that is empty, unordered, not finite, or out of range
    ├── ValueRangeError (ValueError)  a number outside its documented range
    ├── RecipeError (ValueError)      a recipe that cannot be carried out
    ├── FormatError (ValueError)      bytes that are not what they claim to be
    │   └── UnknownFormat             bytes of no format we read
    ├── SpectrumMismatch (ValueError) two spectra that cannot be compared (technique, coverage)
    └── MethodError (ValueError)      a method that cannot answer the question put to it
"""


class SpectraError(Exception):
    """Base of every error raised by ``spectra``."""


class AxisError(SpectraError, ValueError):
    """An axis is empty, unordered, not finite, or out of range."""


class ValueRangeError(SpectraError, ValueError):
    """A number lies outside its documented range."""


class RecipeError(SpectraError, ValueError):
    """A recipe names an unknown step, a bad parameter, or meets a spectrum it cannot treat."""


class FormatError(SpectraError, ValueError):
    """Bytes are damaged, truncated, or not what they claim to be."""


class UnknownFormat(FormatError):
    """Bytes belong to no format this package reads."""


class SpectrumMismatch(SpectraError, ValueError):
    """Two spectra cannot be compared: other technique, or too little common range."""


class MethodError(SpectraError, ValueError):
    """A method cannot answer the question put to it, for example no reference of that technique."""
