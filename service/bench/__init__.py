"""The bench agent: owns devices, archive and outbox; serves the officer's page on loopback."""
