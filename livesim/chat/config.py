"""How much is said, by whom, and in what mood."""

from __future__ import annotations

from livesim.schema import Config, number

STRICTNESS = ("lenient", "normal", "strict")


class ChatConfig(Config):
    """The room's chat: a Hawkes process whose base rate per head falls with size."""

    base_per_viewer_min: float = number(
        0.15, 0, 5, "1/viewer/min", "messages per viewer-minute in a small room, before self-excitation",
        "small-channel report: .31 at 18 viewers with eta .5",
    )  # fmt: skip
    size_knee: float = number(50, 1, 10_000, "viewers", "rooms above this chat less per head")
    size_exponent: float = number(
        -0.55, -2, 0, "", "how the rate per head falls with size", "sign: Nematzadeh et al. 2019"
    )
    branching: float = number(0.5, 0, 0.95, "", "messages caused by one message")
    kernel_s: float = number(15, 1, 600, "s", "time constant of the response")
    question_share: float = number(0.08, 0, 1, "share", "messages that ask something")
    toxic_share: float = number(0.01, 0, 1, "share", "toxic messages")
    highlight: float = number(0.8, 0, 3, "log", "a full highlight shows in chat")
    mood: float = number(0.25, 0, 3, "log/mood", "mood of the room shows in chat")
    sentiment_noise: float = number(0.5, 0.01, 5, "", "sd of the observed sentiment of one message")
    answer_wait_s: float = number(300, 10, 3600, "s", "how long a gift or question can still be answered")
