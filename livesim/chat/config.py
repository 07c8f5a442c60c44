"""How much is said, by whom, and in what mood."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import model_validator

from livesim.chat.state import PEOPLE
from livesim.schema import Config, number, switch

JOBS = ("gift_thanks", "question", "report")
STRICTNESS = ("lenient", "normal", "strict")


class ChatConfig(Config):
    """The room's chat: a Hawkes process whose base rate per head falls with size."""

    base_per_viewer_min: float = number(
        0.05, 0, 5, "1/viewer/min", "messages per viewer-minute in a small room, before self-excitation",
        "between a small channel (.31 at 18 viewers) and the comments of a large platform (.3 per viewer-hour)",
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
    bucket_messages: int = number(20, 1, 1000, "messages", "most messages of one sender at once", "platform rule")
    bucket_s: float = number(
        30, 0.1, 3600, "s", "time in which an empty bucket of messages fills again", "platform rule"
    )
    troll_talkative: float = number(
        1.5, 0, 100, "weight", "weight of a troll as a sender; the mean of the others is .25"
    )
    troll_toxic_share: float = number(0.7, 0, 1, "share", "toxic messages of a troll")


class DeskClass(Config):
    """One class of jobs at the desk."""

    name: Literal["gift_thanks", "question", "report"] = switch("question", "what the job is")
    priority: int = number(0, 0, 9, "rank", "under the priority discipline the lowest rank is served first")
    patience_s: float = number(90, 0.1, 86_400, "s", "who waits longer gives up; a report: its harm is done")
    mean_s: float = number(8, 0.05, 3600, "s", "mean service time of a person; log-normal")
    cv: float = number(0.6, 0, 5, "ratio", "standard deviation of the service time over its mean")


class DeskConfig(Config):
    """The desk that thanks, answers and moderates: a non-preemptive queue with several servers and impatience."""

    classes: tuple[DeskClass, ...] = switch(
        (
            DeskClass(name="gift_thanks", priority=0),
            DeskClass(name="question", priority=1),
            DeskClass(name="report", priority=2, patience_s=60),
        ),
        "classes of jobs, each at most once; a class that is missing is nobody's work; none: a room without a desk",
    )
    servers: int = number(1, 0, PEOPLE, "people", "people on duty at the start")
    bot: bool = switch(False, "an assistant bot serves when no person is free")
    bot_s: float = number(1.5, 0.05, 600, "s", "mean service time of the bot")
    bot_quality: float = number(0.5, 0, 1, "share", "effect of a bot's answer over that of a person")
    discipline: Literal["fifo", "priority", "deadline"] = switch(
        "priority", "who is next: who came first, the lowest rank, or whose patience ends first"
    )
    strictness: Literal["lenient", "normal", "strict"] = switch(
        "normal", "of the sensor that flags messages, at the start"
    )
    flag_toxic_lenient: float = number(0.6, 0, 1, "probability", "a toxic message is flagged, lenient")
    flag_toxic_normal: float = number(0.8, 0, 1, "probability", "a toxic message is flagged, normal")
    flag_toxic_strict: float = number(0.95, 0, 1, "probability", "a toxic message is flagged, strict")
    flag_other_lenient: float = number(0.003, 0, 1, "probability", "another message is flagged, lenient")
    flag_other_normal: float = number(0.015, 0, 1, "probability", "another message is flagged, normal")
    flag_other_strict: float = number(0.06, 0, 1, "probability", "another message is flagged, strict")
    person_right: float = number(0.95, 0, 1, "probability", "a person judges a flagged message rightly")
    bot_right: float = number(0.8, 0, 1, "probability", "the bot judges a flagged message rightly")
    answer_mood: float = number(0.4, 0, 4, "mood", "gained by who is thanked or answered in time")
    answer_named_s: float = number(
        60, 0, 600, "s", "how long they count as named, as by the host: interactions.named_leave, gifts.acknowledged"
    )
    late_mood: float = number(0.3, 0, 4, "mood", "lost by an asker who gave up")
    harm_mood: float = number(0.1, 0, 4, "mood", "lost by each viewer whom a missed toxic message hurts")
    harm_viewers: int = number(20, 0, 1000, "viewers", "hurt by one missed toxic message, drawn from those present")
    anger_mood: float = number(0.5, 0, 4, "mood", "lost by the sender of a message that was taken down wrongly")

    @model_validator(mode="after")
    def _check_desk(self) -> Self:
        names = [one.name for one in self.classes]
        if len(set(names)) < len(names):
            raise ValueError(f"classes: every class at most once, got {', '.join(names)}")
        if self.classes and self.servers == 0 and not self.bot:
            raise ValueError(
                "servers: 0 people and no bot: nobody would answer. At least 1, or bot: true, or classes: [] for a room "
                "without a desk"
            )
        return self


STRICTNESS = get_args(DeskConfig.model_fields["strictness"].annotation)
