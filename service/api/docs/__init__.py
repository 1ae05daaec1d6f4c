"""The integrator's page: the first hour, and every operation."""
