"""Planners: they copy the rooms they play, try what they might do, and do what went best.

A planner is no policy that a platform could run. It is a yardstick: how much better than a rule could anybody be?
"""

from agents.planner.clairvoyant import Clairvoyant
from agents.planner.fair import Fair
from agents.planner.naming import make_planner

__all__ = ["Clairvoyant", "Fair", "make_planner"]
