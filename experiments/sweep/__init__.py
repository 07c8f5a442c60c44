"""Sweeps: one experiment over scenarios, algorithms, hyperparameters and overrides, on this machine or on many."""
