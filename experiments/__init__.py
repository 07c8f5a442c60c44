"""Experiments: configure, train, evaluate on the same luck, compare, report."""
