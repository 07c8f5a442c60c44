"""The rules practitioners would defend, and the trivial ones they should beat. Importing registers all."""

from agents.heuristics import ads, interact, operate, recommend, room, trivial

__all__ = ["ads", "interact", "operate", "recommend", "room", "trivial"]
