"""Errors of the package ``calibration``.

::

    CalibrationError
    ├── WrongDevice (ValueError)        a record of one device applied to a scan of another
    ├── UncalibratedScan (ValueError)   a scan that lacks what an axis needs, such as a laser line
    ├── NotCalibrated (ValueError)      a measurement that no calibration can be made of, and why
    ├── UnknownStandard (LookupError)   a standard the tables do not hold
    └── RecordDamaged (ValueError)      a stored record that cannot be read
"""


class CalibrationError(Exception):
    """Base of every error raised by ``calibration``."""


class WrongDevice(CalibrationError, ValueError):
    """A record of one device was applied to a scan of another."""


class UncalibratedScan(CalibrationError, ValueError):
    """A scan lacks what an axis needs, such as a laser line or a complete exposure."""


class NotCalibrated(CalibrationError, ValueError):
    """A measurement that no calibration can be made of; the message says why, and what to do."""


class UnknownStandard(CalibrationError, LookupError):
    """A standard that the tables do not hold."""


class RecordDamaged(CalibrationError, ValueError):
    """A stored record cannot be read."""
