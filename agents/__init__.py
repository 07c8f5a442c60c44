"""Policies for a live room: heuristics by head, and learners behind the extra `train`.

Importing this package, or `agents.heuristics`, loads neither torch nor Stable-Baselines3.
"""
