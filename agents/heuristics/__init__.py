"""The rules practitioners would defend, and the trivial ones they should beat. Importing registers all."""

from agents.heuristics import ads, interact, recommend, room, trivial

__all__ = ["ads", "interact", "recommend", "room", "trivial"]
