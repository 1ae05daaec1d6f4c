"""The scan archive: raw scans on disk under their content address."""
