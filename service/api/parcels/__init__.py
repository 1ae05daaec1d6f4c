"""Parcels: physical items, registered by label or for the time being without one."""
