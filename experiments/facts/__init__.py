"""The facts gate: does a simulated room look like published statistics of real ones?

`facts.yaml` holds the facts, `sessions` and `world` play and record rooms; `audience`, `waiting`, `gifts`, `ads`,
`talk` and `promotion` hold one function per number; `gate` decides, `table` and `figures` show.
"""
