"""Improvement on copies of rooms: what is compared, under which luck, and that a network learns it."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import torch

from agents import look_ahead
from agents.hyperparameters import LookAhead
from agents.learned import Learner
from agents.planner.copies import Copies
from experiments.environment import EnvConfig
from experiments.rollout import rollout
from livesim.errors import ConfigError

ROOM = {"scenario": "tiny", "heads": ["recommend", "ads", "interact"]}
SMALL = {"num_envs": 2, "n_steps": 7, "batch_size": 7, "n_epochs": 2, "net": [8, 8], "advice": "combined"}
PLAN = {"rounds": 1, "sessions": 8, "looks": 3, "changes": 4, "horizon": 5, "epochs": 2}


def learner(**changes):
    return Learner("maskable_ppo", {**SMALL, **changes}, ROOM, seed=1, budget=400)


def collected(one, seed=0, **changes):
    copies = Copies(one.rooms.env.batch.twin(8))
    plan = LookAhead(**{**PLAN, **changes})
    found, _ = look_ahead.collect(
        copies, one.rooms, one.policy(), plan, np.arange(8) + 2**33, np.random.default_rng(seed)
    )
    return found


def test_the_policys_own_choice_gains_nothing_under_the_same_luck():
    one = learner()
    copies, policy = Copies(one.rooms.env.batch.twin(4)), one.policy()
    seeds = np.arange(4) + 2**33
    copies.batch.reset(seeds.tolist())
    actions, memory = policy.predict(copies.batch.observe(), policy.initial_state(seeds), np.ones(4, dtype=bool))
    row, generator = np.array([0, 1, 3]), np.random.default_rng(0)
    gain, played = look_ahead._gains(copies, policy, memory, actions, row, actions[row], 6, generator)
    np.testing.assert_array_equal(gain, np.zeros(3))
    assert played == 6 * 6


def test_choices_are_tried_of_the_chosen_heads_and_stand_for_all_that_are_allowed():
    one = learner()
    sizes = one.rooms.inputs.sizes
    found = collected(one, heads=("recommend",), changes=2)
    assert found.weight[:, : sizes[0]].any()
    assert not found.weight[:, sizes[0] :].any()
    assert ((found.weight > 0).sum(axis=1) <= 2).all()
    allowed = found.masks[:, : sizes[0]].sum(axis=1) - 1  # every item but the policy's own choice
    stands_for = found.weight.sum(axis=1) / allowed
    by_session = np.array([stands_for[found.session == seed].sum() for seed in np.unique(found.session)])
    assert (by_session <= PLAN["looks"] + 1e-9).all()  # less where a decision looked at allows no change
    assert by_session.max() == pytest.approx(PLAN["looks"])
    assert found.masks[found.weight > 0].all()
    assert (found.gain[found.weight == 0] == 0.0).all()
    assert (found.gain != 0.0).any()


def test_half_of_the_looks_are_where_the_policy_acts_and_all_decisions_are_stood_for():
    acts = np.zeros((100, 3), dtype=bool)
    acts[:20, 0] = acts[[5, 99], 1] = True  # 20 acts; one, and one in the last decision, which is left out; none
    weight = look_ahead.moments(acts, 6, np.random.default_rng(0))
    looked = weight > 0
    assert looked.sum(axis=0).tolist() == [6, 6, 6]
    assert (looked & acts).sum(axis=0).tolist() == [3, 1, 0]
    assert not looked[99].any()
    np.testing.assert_allclose(weight.sum(axis=0), 6.0)  # the mean look stands for as much as the mean decision
    np.testing.assert_allclose((weight * acts).sum(axis=0), np.array([20, 1, 0]) * 6 / 99)


def test_few_decisions_are_all_looked_at():
    assert (look_ahead.moments(np.ones((4, 2), dtype=bool), 8, np.random.default_rng(0))[:3] == 1.0).all()


def test_the_same_seed_tries_and_learns_the_same_and_training_rooms_stay_where_they_were():
    one, other, plain = (learner(look_ahead=plan) for plan in (PLAN, PLAN, None))
    for each in (one, other, plain):
        each.learn_until(1)
    np.testing.assert_array_equal(one.rooms._first_seeds, plain.rooms._first_seeds)
    assert one.statistics["look_ahead/decisions"] == other.statistics["look_ahead/decisions"] > 0
    for name, value in one.model.policy.state_dict().items():
        np.testing.assert_array_equal(value, other.model.policy.state_dict()[name], err_msg=name)
    assert not np.array_equal(collected(plain, 0).gain, collected(plain, 1).gain)


def departing(one):
    """Return looked at moments of a learner that departs from its rule in half of them, and where, (N, H) bool."""
    with torch.no_grad():
        for layer in one.model.policy.mlp_extractor.actor.last_layers():
            layer.weight.normal_(std=3.0)
    found = collected(one, looks=40, changes=100, horizon=1)
    return found, _departs(one, found)


def _departs(one, found):
    inputs = one.rooms.normalised(found.inputs)
    advised = inputs[:, one.model.policy.mlp_extractor.start :] > 0.5
    agrees = (_greedy(one, found) > 0.5) & advised
    starts = np.cumsum([0, *one.rooms.inputs.sizes[:-1]])
    return ~np.logical_or.reduceat(agrees, starts, axis=1)


def test_a_partial_step_keeps_a_share_of_the_departures_of_every_head_and_no_new_ones():
    torch.manual_seed(0)
    one = learner()
    found, whole = departing(one)
    assert (whole.sum(axis=0) > 20).all()
    steps = look_ahead.partial_steps(one.model, one.rooms, found)
    assert [share for share, _ in steps] == [1.0, 0.5, 0.25, 0.125]
    for share, weights in steps:
        one.model.policy.load_state_dict(weights)
        departs = _departs(one, found)
        np.testing.assert_allclose(departs.sum(axis=0), share * whole.sum(axis=0), atol=1.5)
        assert not (departs & ~whole).any()


def test_a_network_without_advice_takes_the_whole_step():
    one = learner(advice=None)
    assert [share for share, _ in look_ahead.partial_steps(one.model, one.rooms, collected(one))] == [1.0]


@pytest.mark.parametrize(("sign", "share"), [(1.0, 0.125), (-1.0, 1.0)])
def test_whole_sessions_choose_how_far_a_round_goes(monkeypatch, sign, share):
    """Sessions that earn the more, or the less, the more the advice is trusted; the whole step trusts it less."""

    def learn(model, rooms, looks, plan):
        with torch.no_grad():
            model.policy.mlp_extractor.advice.sub_(1.0)
            for layer in model.policy.mlp_extractor.actor.last_layers():
                layer.weight.normal_(std=3.0)
        return {}

    monkeypatch.setattr(look_ahead, "fit", learn)
    monkeypatch.setattr(
        look_ahead, "returns", lambda copies, policy, seeds: np.full(3, sign * policy.weights["advice"].sum())
    )
    one = learner(look_ahead=PLAN)
    one.learn_until(1)
    assert one.statistics["look_ahead/kept_share"] == share
    gains = [one.statistics[f"look_ahead/session_gain_1_{name}"] for name in ("1", "0.5", "0.25", "0.125")]
    assert one.statistics["look_ahead/session_gain"] == max(gains) > 0.0


def test_only_rounds_that_win_whole_sessions_are_kept(monkeypatch):
    """Two rounds that silence the rules, or undo that; what is kept is what won, or the start."""

    def spoil(model, rooms, looks, plan):
        with torch.no_grad():
            model.policy.mlp_extractor.advice.neg_()
        return {}

    monkeypatch.setattr(look_ahead, "fit", spoil)
    monkeypatch.setattr(look_ahead, "SHARES", ())
    for sign, kept in ((1.0, 0.0), (-1.0, 1.0)):
        earned = look_ahead.returns
        monkeypatch.setattr(look_ahead, "returns", lambda *given, e=earned, sign=sign: sign * e(*given))
        one = learner(look_ahead={**PLAN, "rounds": 2, "sessions": 4, "looks": 1})
        one.learn_until(1)
        monkeypatch.setattr(look_ahead, "returns", earned)
        assert one.statistics["look_ahead/kept_round"] == kept
        first, second = (one.statistics[f"look_ahead/session_gain_{turn}_1"] for turn in (1, 2))
        assert first * sign < 0.0
        assert second == pytest.approx(0.0) if kept else second < 0.0  # each goes on from what is kept


def test_whole_sessions_earn_what_a_rollout_says():
    one, seeds = learner(), np.arange(3) + 2**33
    earned = look_ahead.returns(Copies(one.rooms.env.batch.twin(3)), one.policy(), seeds)
    played = rollout(one.policy(), EnvConfig(id="livesim/Room-v0", scenario="tiny"), seeds.tolist())
    np.testing.assert_allclose(earned, played["return"], rtol=1e-12)


@pytest.mark.parametrize("gain", [1.0, -1.0])
def test_a_network_learns_the_choice_that_gains_and_keeps_the_start_where_none_does(gain):
    one = learner(advice_trust=0.6)
    found = collected(one, looks=8, changes=100, horizon=1, heads=("recommend",))
    is_tried, start = found.weight > 0, _greedy(one, found)
    found.weight[:] = is_tried
    found.gain[:] = np.where(is_tried, -1.0, 0.0)
    found.gain[:, 2] = np.where(is_tried[:, 2], gain, 0.0)
    plan = LookAhead(**PLAN | {"epochs": 60, "learning_rate": 0.03})
    with one._luck.rolling(threads=1):
        numbers = look_ahead.fit(one.model, one.rooms, [found], plan)
    if gain > 0:
        assert _greedy(one, found)[is_tried[:, 2], 2].mean() > 0.9
        assert numbers["look_ahead/gain"] > 0.0
    else:
        np.testing.assert_array_equal(_greedy(one, found), start)
        assert numbers["look_ahead/gain"] == 0.0


def _greedy(one, found):
    inputs, masks = torch.as_tensor(one.rooms.normalised(found.inputs)), torch.as_tensor(found.masks)
    return look_ahead._chances(one.model, inputs, masks, True).numpy()


def test_a_head_that_is_not_learned_is_refused():
    inputs = SimpleNamespace(heads=("ads",), sizes=(4,))
    with pytest.raises(ConfigError, match=r"look_ahead.heads: unknown head 'add'.*Did you mean 'ads'"):
        look_ahead.tried_heads(LookAhead(heads=("add",)), inputs)


def test_event_gates_and_look_ahead_are_refused_together():
    with pytest.raises(ConfigError, match="look_ahead tries choices in any decision"):
        learner(look_ahead=PLAN, event_wait=4)


def test_a_misspelled_head_is_refused_with_the_experiment_and_not_after_it_began():
    with pytest.raises(ConfigError, match=r"look_ahead.heads: unknown head 'add'"):
        learner(look_ahead={**PLAN, "heads": ["add"]})
