"""How much better than the best rule could anybody be? Planners on copied rooms, beside rules and learners."""
