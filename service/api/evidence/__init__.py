"""What stands behind a result: its curves, its report, its evidence bundle."""
