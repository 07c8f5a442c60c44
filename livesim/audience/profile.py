"""The profile store: what viewers did while something was on, and nothing else.

Each event adds weight along the topics on screen; what an average viewer would have shown meanwhile is subtracted
through a running base. The mean over those present estimates what the crowd likes more than it has been shown.
"""

from __future__ import annotations

from livesim.compiled import kernel

W_MESSAGE, W_CLICK, W_GIFT, W_FOLLOW, W_VOTE = 0.3, 1.0, 1.0, 1.0, 0.6  # assumed; only their ratios matter


@kernel
def tell(v, room, item, weight):
    """Add an event of a viewer to their profile, along what is on screen; returns its weight."""
    for d in range(item.topics.shape[0]):
        told = weight * item.topics[d]
        v.evidence[d] += told
        room.evidence_sum[d] += told
    return weight


@kernel
def vote(v, room):
    """Let a viewer say what they like: a vote adds along their own taste, the second half as much, and so on.

    Ignorance about a viewer is a stock that votes use up.
    """
    v.votes += 1
    for d in range(v.taste.shape[0]):
        told = W_VOTE * 0.5 ** (v.votes - 1.0) * v.taste[d]
        v.evidence[d] += told
        room.evidence_sum[d] += told


@kernel
def open_profile(v, room):
    """Start a profile at the base of its time of entry."""
    for d in range(v.evidence.shape[0]):
        v.evidence[d] = room.evidence_base[d]
        room.evidence_sum[d] += v.evidence[d]


@kernel
def close_profile(v, room):
    """Take a viewer who leaves out of the sum."""
    for d in range(v.evidence.shape[0]):
        room.evidence_sum[d] -= v.evidence[d]


@kernel
def expect(room, item, seconds):
    """Let the base grow by what a viewer usually shows in `seconds`, along what is on screen."""
    for d in range(item.topics.shape[0]):
        room.evidence_base[d] += room.usual * seconds * item.topics[d]
