"""Values, numerics and formats of vibrational spectra: pure functions on frozen values."""
