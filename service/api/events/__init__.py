"""Events: every change, in a chain of hashes."""
