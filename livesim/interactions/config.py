"""The kinds of interaction a host can start, and what each does."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from livesim.registry import register, resolve_entries
from livesim.schema import Config, number, switch


class KindConfig(Config):
    """One kind of interaction. Plug-ins register further ones under the kind "interaction"."""

    name: str
    announce_s: float = number(5, 0, 60, "s", "from the start to the opening")
    open_s: float = number(60, 5, 1800, "s", "how long it stays open")
    cooldown_s: float = number(120, 0, 7200, "s", "from its close to the next start of the same kind")
    fatigue_s: float = number(480, 10, 86_400, "s", "time constant of fatigue")
    needs: Literal["nothing", "rival", "product", "names", "prize"] = switch("nothing", "what must be there to start")
    crowd: Literal["all", "at_risk", "intent", "givers", "named", "none"] = switch("all", "whom it draws")
    appeal: float = number(-1.6, -10, 5, "logit", "participation = sigma(appeal + 2 engagement - 1 + own taste for it)")
    prize_per_100: float = number(0, 0, 1000, "credits/100 viewers", "prize")
    compute_credits: float = number(0, 0, 1000, "credits", "fixed cost of one use")
    leave_in: float = number(1, 0, 3, "ratio", "leave rate of participants while open")
    leave_out: float = number(1, 0, 3, "ratio", "leave rate of the others while open")
    ad_shield: float = number(0, 0, 1, "share", "part of an ad's leave factor that vanishes for participants")
    chat: float = number(1, 0, 5, "ratio", "chat rate while open")
    battle: bool = switch(False, "gifts are in battle while open")
    sale: bool = switch(False, "a discount is running while open")
    click: float = number(1, 0, 5, "ratio", "click hazard while open")
    order_intent: float = number(1, 0, 5, "ratio", "order hazard of intents that were open at the start")
    order_other: float = number(1, 0, 5, "ratio", "order hazard of the others")
    reference_drop: float = number(0, 0, 0.5, "share", "fall of the reference price per use")
    match_shift: float = number(0, -2, 2, "sd", "change of everybody's match while open")
    mood_in: float = number(0.3, -2, 2, "mood", "mood of participants at the close")
    mood_show: float = number(0, -2, 2, "mood", "mood of everybody, once")
    bother: float = number(0.04, 0, 2, "mood", "mood lost by the others at the opening, fresh and without a highlight")
    boredom_relief: float = number(0, 0, 1, "", "boredom taken from participants at the close")
    entry_follow: float = number(0, 0, 1, "probability", "a participant who does not follow yet enters by following")
    votes: bool = switch(False, "participants tell something about their taste")
    teaches: float = number(0, 0, 1, "share", "of what was learned since the last quiz, times what is not known yet, that participants learn at the close")
    exit_burst: float = number(1, 1, 5, "ratio", "leave rate of losers after the close")
    exit_burst_s: float = number(60, 0, 600, "s", "how long")
    host_load: float = number(1, 0, 1, "ratio", "how much of the host's energy is spent; 0: the host rests")


POLL = KindConfig(name="poll", open_s=60, cooldown_s=180, fatigue_s=480, appeal=-1.2, leave_in=0.85, chat=1.5,
                  boredom_relief=0.3, votes=True)  # fmt: skip
QUIZ = KindConfig(name="quiz", open_s=90, cooldown_s=240, fatigue_s=480, appeal=-1.6, prize_per_100=1, needs="prize",
                  leave_in=0.75, chat=1.8, mood_in=0.4, teaches=0.4)  # fmt: skip
LUCKY_DRAW = KindConfig(name="lucky_draw", open_s=180, cooldown_s=600, fatigue_s=1200, crowd="at_risk", appeal=-0.8,
                        needs="prize", prize_per_100=4, leave_in=0.45, ad_shield=0.7, exit_burst=1.8, mood_in=0.2,
                        entry_follow=0.05)  # fmt: skip
BATTLE = KindConfig(name="battle", open_s=300, cooldown_s=600, fatigue_s=2400, needs="rival", crowd="givers", appeal=-0.4,
                    battle=True, leave_in=0.8, leave_out=1.2, chat=1.3, bother=0.08)  # fmt: skip
FLASH_SALE = KindConfig(name="flash_sale", open_s=120, cooldown_s=300, fatigue_s=1200, needs="product", crowd="intent",
                        appeal=-1.0, sale=True, click=1.4, order_intent=1.9, order_other=1.15, reference_drop=0.03,
                        mood_in=0.1)  # fmt: skip
ACKNOWLEDGE = KindConfig(name="acknowledge", open_s=60, cooldown_s=120, fatigue_s=480, needs="names", crowd="named",
                         match_shift=-0.25, host_load=0.75)  # fmt: skip
VIRTUAL_HOST = KindConfig(name="virtual_host", open_s=45, cooldown_s=300, fatigue_s=2400, crowd="none", compute_credits=2,
                          match_shift=-0.3, mood_show=0.15, host_load=0.0)  # fmt: skip
BUILT_IN = (POLL, QUIZ, LUCKY_DRAW, BATTLE, FLASH_SALE, ACKNOWLEDGE, VIRTUAL_HOST)
for _kind in BUILT_IN:
    register("interaction", _kind.name, _kind)


class InteractionsConfig(Config):
    """Which kinds a scenario has, and what they share."""

    kinds: tuple[KindConfig, ...] = switch(BUILT_IN, "kinds in action order: registered names or full entries")
    taste_sd: float = number(0.6, 0, 3, "logit", "spread of viewers' own taste for a kind")
    fatigue_effect: float = number(0.5, 0, 3, "", "effect falls as exp(-this x fatigue of the kind)")
    attention: float = number(0.2, 0, 3, "", "every effect falls as exp(-this x sum of fatigues)")
    bother_repeat: float = number(4.0, 0, 10, "", "bother grows with the fatigue of the same kind")
    bother_fatigue: float = number(0.3, 0, 5, "", "bother grows with the sum of fatigues")
    bother_highlight: float = number(1.5, 0, 5, "", "bother grows with a highlight")
    highlight_effect: float = number(0.6, 0, 1, "", "effect falls with a highlight")
    at_risk_stay_s: float = number(180, 10, 3600, "s", "newcomers: present less than this")
    at_risk_mood: float = number(0.0, -2, 2, "mood", "low mood: below this", range=(-0.5, 0.5))
    at_risk_logit: float = number(1.2, 0, 5, "logit", "how much more they enter a lucky draw than others")
    name_s: float = number(20, 2, 120, "s", "host time per name")
    names_max: int = number(6, 1, 50, "names", "most names of one use")
    named_leave: float = number(0.5, 0, 1, "ratio", "leave rate of the named")
    named_s: float = number(60, 5, 600, "s", "how long it lasts")
    named_follow: float = number(1.3, 1, 5, "ratio", "follow hazard of the named")
    prize_budget_per_viewer: float = number(0.35, 0, 100, "credits/viewer/2 h", "prize budget of a session")
    energy_time_s: float = number(5400, 60, 86_400, "s", "host energy falls while performing")
    energy_recovery_s: float = number(600, 10, 86_400, "s", "host energy recovers in breaks")
    energy_start: float = number(0.9, 0, 1, "", "host energy at the start")

    @field_validator("kinds", mode="before")
    @classmethod
    def _named_kinds(cls, value: Any) -> Any:
        return resolve_entries("interaction", value, "interactions.kinds")
