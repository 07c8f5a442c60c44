"""Imported once, by the process that victims are copied from: loads the kernels by playing one decision."""

from experiments.environment import EnvConfig

_rooms = EnvConfig(scenario="tiny").make(1)
_rooms.reset(seed=[1])
_rooms.step(_rooms.action_space.sample())
_rooms.close()
