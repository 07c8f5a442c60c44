"""The facts gate: does a simulated room look like published statistics of real ones?

`facts.yaml` holds the facts, `sessions` plays and records rooms, `audience`, `money` and `promotion` measure one
number each, `gate` decides, `figures` draws.
"""
