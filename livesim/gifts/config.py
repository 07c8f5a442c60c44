"""Who gives, how much, and what heat and battles do to giving."""

from __future__ import annotations

from typing import Literal

from livesim.schema import Config, number, switch

KUAILIVE = "KuaiLive gift prices as published with GiftLive (p50 2, p90 88, p99 1,488, Gini .94)"
LADDER = (1, 5, 10, 30, 99, 199, 299, 500, 1000, 2000, 5000, 10000, 30000)


class GiftsConfig(Config):
    """Givers, wallets, amounts, heat and battles of one room."""

    giver_share: float = number(
        0.4, 0, 1, "probability", "viewers who may give at all",
        "set so that who never gave here gives about a tenth as often per entry as who did (GiftLive)",
    )  # fmt: skip
    repeat_share: float = number(0.35, 0, 1, "probability", "following givers who gave to this host before")
    repeat_factor: float = number(
        4, 1, 100, "ratio", "their hazard over that of other givers",
        "set with giver_share; the published tenfold is per entry, and followers stay longer",
    )  # fmt: skip
    rate_per_h: float = number(0.18, 0, 100, "1/h", "mean gift hazard of a giver at mood 0 without highlight")
    rate_log_sd: float = number(1.5, 0, 4, "log", "spread of givers' hazards")
    highlight: float = number(0.7, 0, 3, "log", "effect of a full highlight on giving")
    acknowledged: float = number(0.47, 0, 3, "log", "effect of having been named (x 1.6)")
    battle: float = number(0.9, 0, 3, "log", "effect of a fresh battle")
    mood: float = number(0.3, 0, 3, "log/mood", "effect of mood")
    warm_up_s: float = number(240, 1, 7200, "s", "giving starts as 1 - exp(-stay / this)")
    streak_prob: float = number(
        0.4, 0, 0.95, "probability", "a gift is followed by another of the same giver within `streak_s`: combos"
    )
    streak_s: float = number(20, 1, 600, "s", "how long a giver is carried away by their last gift")
    amount_log_mean: float = number(0.45, -3, 8, "log credits", "amount = ceil(exp(mean + giver z + gift e))", KUAILIVE)
    amount_giver_sd: float = number(2.3, 0, 4, "log", "spread between givers", KUAILIVE)
    amount_gift_sd: float = number(1.9, 0.05, 4, "log", "spread between gifts of one giver", KUAILIVE)
    amount_max: float = number(20_000, 1, 1e6, "credits", "largest single gift")
    counted_max: float = number(
        300,
        1,
        1e6,
        "credits",
        "largest part of one gift that counts as reward, in both forms; ledger money is uncapped",
    )
    wallet_log_mean: float = number(5.2, 0, 12, "log credits", "wallet of a giver with z = 0 for the session")
    wallet_giver: float = number(2.0, 0, 4, "log", "how the wallet grows with z")
    wallet_log_sd: float = number(1.0, 0, 4, "log", "its own spread")
    cheer: float = number(1.0, 0, 20, "messages", "a gift excites the chat like so many messages")
    heat_decay_s: float = number(20, 1, 600, "s", "decay time of heat; a gift adds ln(1 + amount)")
    crowd: Literal["crowding_out", "contagion"] = switch(
        "crowding_out",
        "what heat does to everybody outside battles: a field experiment found that gifts discourage others and drive "
        "some away, observational studies that they are contagious; inside battles they always are",
    )
    crowd_out: float = number(
        0.01, 0, 0.2, "1/heat", "crowding_out: others' giving falls by this per heat outside battles", "sign: Yao, Lu, Chen 2023"
    )
    crowd_out_floor: float = number(0.85, 0, 1, "ratio", "lowest factor of crowding-out")
    heat_leave: float = number(
        0.005, 0, 0.1, "1/heat", "crowding_out: leave rate rises by this per heat outside battles", "sign: Yao, Lu, Chen 2023"
    )
    contagion: float = number(
        0.05, 0, 0.5, "1/heat", "others' giving rises by this per heat: inside battles, under contagion everywhere"
    )
    contagion_max: float = number(3, 1, 10, "ratio", "largest factor of contagion")
    rival_offers_per_h: float = number(4, 0, 60, "1/h", "battle offers that arrive")
    rival_wait_s: float = number(300, 10, 7200, "s", "how long a rival waits")
    rivals: int = number(3, 1, 16, "rivals", "how many different rivals there are")
    rival_repeat: float = number(
        0.3, 0, 1, "share", "battle effect lost with each repetition of a rival", "sign: PACIS 2021"
    )
