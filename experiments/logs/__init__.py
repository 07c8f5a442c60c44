"""Event logs: simulated sessions written as one, a researcher's own read, and a scenario fitted to it."""
