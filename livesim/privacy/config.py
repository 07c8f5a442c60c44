"""How much of its viewers a room's analytics may show to whoever runs it."""

from __future__ import annotations

from typing import Literal, get_args

from livesim.schema import Config, number, switch


class AnalyticsConfig(Config):
    """What the observation may show. Masks, rewards and info are the researcher's and stay exact."""

    privacy: Literal["full", "k_anonymous", "laplace"] = switch(
        "full",
        "full: exact numbers; k_anonymous: what fewer than k viewers did is hidden; laplace: counts carry noise",
        "modes as in statistical disclosure control; Sweeney 2002 (k-anonymity), Dwork et al. 2006 (Laplace noise)",
    )
    k: int = number(10, 2, 10_000, "viewers", "smallest group whose numbers are shown under k_anonymous")
    epsilon: float = number(
        1.0, 0.001, 1000, "1/viewer", "under laplace the noise on a published count has scale 1 / epsilon"
    )


PRIVACY = get_args(AnalyticsConfig.model_fields["privacy"].annotation)
