"""Impact: which results depend on a calibration, device, reference, method or blank."""
