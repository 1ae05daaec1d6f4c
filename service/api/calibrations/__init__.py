"""Calibration records: what benches and technicians brought, whole and for ever."""
