"""Methods: kept whole as evidence, by content address."""
