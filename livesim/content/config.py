"""What can be shown, how good it is, and how viewers answer to products."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from livesim.audience.config import TOPICS
from livesim.schema import Config, number, switch

KNOTS = 6
ITEMS = 16  # most items of a catalogue


class ItemConfig(Config):
    """One item of the catalogue: a segment of the show, a lesson or a product."""

    name: str
    kind: Literal["talk", "performance", "product", "lesson", "game"] = switch("talk", "what sort of item it is")
    topics: tuple[float, ...] = switch((), "one weight per topic; made unit length")
    quality: float = number(0.5, 0, 1, "", "production quality; enters mood as match does")
    length_s: float = number(600, 60, 7200, "s", "planned length")
    highlights: tuple[float, ...] = switch(
        (0.1, 0.2, 0.3, 0.2, 0.4, 0.2), f"highlight level at {KNOTS} equal knots, 0-1"
    )
    price_credits: float = number(0, 0, 1e6, "credits", "price, products only")
    reference_price_credits: float = number(0, 0, 1e6, "credits", "what viewers think it is worth; 0 means the price")
    margin: float = number(0.3, 0, 1, "share", "margin of the price")
    stock: float = number(0, 0, 1e9, "pieces", "pieces to sell per planned viewer; products only")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.topics) != len(TOPICS) or not any(self.topics):
            raise ValueError(f"item '{self.name}': topics needs {len(TOPICS)} numbers, not all 0 ({', '.join(TOPICS)})")
        if len(self.highlights) != KNOTS or not all(0 <= h <= 1 for h in self.highlights):
            raise ValueError(f"item '{self.name}': highlights needs {KNOTS} numbers in [0, 1]")
        if self.kind == "product" and self.price_credits <= 0:
            raise ValueError(f"item '{self.name}': a product needs price_credits > 0")
        return self


class ContentConfig(Config):
    """The catalogue, the rundown, highlights, clicks and orders."""

    items: tuple[ItemConfig, ...] = switch((), "the catalogue, in the order of the plain rundown")
    signature: tuple[float, ...] = switch((0.5, 0.3, 0.5, 0.3, 0.2, 0.2, 0.2, 0.2), "the host's own topics")
    min_dwell_s: float = number(60, 0, 3600, "s", "shortest time on an item before another may be featured")
    transition_s: float = number(10, 0, 120, "s", "length of the transition when the item changes")
    transition_match: float = number(
        1.5, 0, 5, "sd", "a transition fits nobody: everybody's match is this much lower while it lasts"
    )
    surprises_per_h: float = number(3, 0, 30, "1/h", "surprise highlights")
    surprise_s: float = number(40, 5, 600, "s", "length of a surprise highlight")
    wear_match: float = number(0.6, 0, 5, "sd", "match that an item loses with everybody, newcomers too, once routine")
    wear_time_s: float = number(1800, 60, 86_400, "s", "on screen an item becomes routine as 1 - exp(-time / this)")
    wear_recovery_s: float = number(3600, 60, 86_400, "s", "off screen it becomes fresh again with this time constant")
    quality_match: float = number(0.6, 0, 3, "sd", "standardised match gained from quality 0 to 1")

    learn_per_h: float = number(
        2.0, 0, 60, "1/h", "share of what a viewer does not know yet that full engagement learns per hour of lesson"
    )

    click_log10: float = number(-3.5, -8, 0, "log10 1/s", "click hazard per viewer-second at match 0")
    click_match: float = number(1.1, 0, 3, "1/sd", "effect of match")
    click_explaining: float = number(0.6, 0, 3, "log", "effect of the host explaining (first half of the item)")
    click_sale: float = number(0.34, 0, 3, "log", "effect of a running flash sale on click (x 1.4)")
    click_warm_up_s: float = number(
        90, 1, 1800, "s", "a product must be presented before people click: 1 - exp(-time on screen / this)"
    )
    click_saturation_min: float = number(
        6, 0.5, 100, "min", "clicking fades as exp(-minutes of this item seen, in all showings / this)"
    )
    order_base: float = number(-2.4, -10, 5, "logit", "order given click: base")
    order_price: float = number(1.6, 0, 10, "1/log", "order given click: effect of ln(price / willingness to pay)")
    order_trust: float = number(0.5, 0, 3, "logit", "order given click: trust of followers")
    order_sale: float = number(0.4, 0, 3, "logit", "order given click during a flash sale")
    wtp_log_sd: float = number(0.7, 0.05, 3, "log", "spread of willingness to pay around the reference price")
    intent_s: float = number(600, 30, 7200, "s", "how long a click stays an intent; the order comes within it or never")
    sale_discount: float = number(0.15, 0, 0.9, "share", "price cut of a flash sale, paid from the margin")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [item.name for item in self.items]
        if not 2 <= len(names) <= ITEMS:
            raise ValueError(f"content.items needs 2 to {ITEMS} items, not {len(names)}")
        if len(set(names)) != len(names):
            raise ValueError(f"content.items: names must differ: {', '.join(names)}")
        if len(self.signature) != len(TOPICS):
            raise ValueError(f"content.signature needs {len(TOPICS)} numbers")
        return self
