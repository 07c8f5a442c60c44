"""What one room as a gymnasium environment promises."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sessions import DECISIONS, assert_same

from livesim.errors import ActionError, ConfigError, LivesimError, OrderError, UnknownNameError

INFO_KEYS = {
    "time_s", "viewers", "action_mask", "reward_terms", "reward_expected", "reward_realised", "costs",
    "events",
}  # fmt: skip
EVENTS = {
    "entered", "left", "watch_s", "stall_s", "messages", "gifts", "gift_credits", "clicks", "orders",
    "ad_impressions", "ad_revenue", "follows", "masked_actions",
}  # fmt: skip


def test_info_has_the_same_plain_keys_on_reset_and_every_step(make, play, env_id, scenario):
    env = make(env_id, scenario=scenario)
    _, first = env.reset(seed=4)
    for info in (first, *(step[-1] for step in play(env, DECISIONS))):
        assert set(info) == INFO_KEYS
        assert set(info["events"]) >= EVENTS
        assert type(info["viewers"]) is int
        assert type(info["time_s"]) is float
        assert {type(value) for part in ("reward_terms", "costs", "events") for value in info[part].values()} == {float}
        assert info["action_mask"].dtype == bool
    assert first["time_s"] == 0.0
    assert info["time_s"] == 30.0 * DECISIONS


@pytest.mark.parametrize("mode", ["expected", "realised"])
def test_the_reward_is_the_sum_of_its_terms(make, play, scenario, mode):
    env = make(scenario=scenario, reward_mode=mode, reward="composite")
    env.reset(seed=5)
    for _, reward, _, _, info in play(env, DECISIONS):
        assert type(reward) is float
        assert reward == sum(info["reward_terms"].values()) == info[f"reward_{mode}"]


def test_both_reward_totals_are_in_info_whatever_the_mode(make, play):
    runs = []
    for mode in ("expected", "realised"):
        env = make(reward_mode=mode)
        env.reset(seed=5)
        runs.append([(step[-1]["reward_expected"], step[-1]["reward_realised"]) for step in play(env, 4)])
    assert runs[0] == runs[1]


def test_a_preset_changes_weights_and_never_what_happened(make, play):
    steps = {}
    for reward in ("balanced", "revenue"):
        env = make(reward=reward)
        env.reset(seed=5)
        steps[reward] = play(env, DECISIONS)
    for one, other in zip(steps["balanced"], steps["revenue"], strict=True):
        assert_same(one[-1]["events"], other[-1]["events"])
        assert other[-1]["reward_terms"]["watch"] == 0.0


def test_the_same_seed_twice_is_bit_identical(make, play, env_id, scenario):
    runs = []
    env = make(env_id, scenario=scenario)
    for _ in range(2):
        start = env.reset(seed=6)
        runs.append((start, play(env, DECISIONS)))
    assert_same(runs[0], runs[1])


def test_another_seed_meets_other_viewers(make, play):
    env = make()
    runs = []
    for seed in (6, 7):
        env.reset(seed=seed)
        runs.append([step[-1]["events"]["watch_s"] for step in play(env, DECISIONS)])
    assert runs[0] != runs[1]


def test_resets_without_a_seed_continue_the_stream_of_the_last_seed(make, play):
    env, again = make(), make()
    for each in (env, again):
        each.reset(seed=8)
        play(each, 2)
    env.reset()
    again.reset()
    one, other = play(env, 3), play(again, 3)
    assert_same(one, other)
    env.reset(seed=8)
    assert play(env, 3)[-1][-1]["events"] != one[-1][-1]["events"]


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deepcopy", "pickle"]
)
def test_a_copy_in_mid_session_continues_exactly(make, play, env_id, scenario, copied):
    env = make(env_id, scenario=scenario).unwrapped
    env.reset(seed=9)
    play(env, 3)
    twin = copied(env)
    assert_same(play(env, DECISIONS - 3, seed=1), play(twin, DECISIONS - 3, seed=1))
    assert_same(env.reset(), twin.reset())


def test_a_copy_leaves_the_original_alone(make, play):
    env, plain = make().unwrapped, make().unwrapped
    for each in (env, plain):
        each.reset(seed=9)
        play(each, 2)
    play(copy.deepcopy(env), 3, seed=5)
    assert_same(play(env, 3, seed=1), play(plain, 3, seed=1))


def test_a_masked_action_is_a_counted_no_op(make):
    env, idle = make(), make()
    env.reset(seed=10)
    idle.reset(seed=10)
    sizes = env.unwrapped.layout.head_sizes
    for _ in range(DECISIONS):
        mask = env.unwrapped.action_masks()
        ads = mask[sizes[0] : sizes[0] + sizes[1]]
        interact = mask[sizes[0] + sizes[1] :]
        recommend = mask[: sizes[0]]
        masked = [np.flatnonzero(~head) for head in (recommend, ads, interact)]
        choice = np.array([head[0] if len(head) else 0 for head in masked])
        observation, _, _, _, info = env.step(choice)
        same, _, _, _, untouched = idle.step(np.zeros(3, dtype=int))
        assert info["events"]["masked_actions"] == np.count_nonzero(choice)
        assert untouched["events"]["masked_actions"] == 0
        np.testing.assert_array_equal(observation, same)
    assert not ads.all() or not interact.all()


def test_masks_are_the_same_in_info_observation_and_method(make, play, env_id, scenario):
    env = make(env_id, scenario=scenario).unwrapped
    env.reset(seed=11)
    for observation, _, _, _, info in play(env, 2):
        fields = env.layout.split(observation[None])
        seen = np.concatenate([fields[f"mask_{head}"][0] for head in env.heads]) > 0.5
        np.testing.assert_array_equal(seen, info["action_mask"])
    np.testing.assert_array_equal(env.action_masks(), info["action_mask"])
    assert env.action_masks().shape == (sum(env.batch.actions.sizes),)


def test_the_policy_of_another_head_really_plays(make):
    idle = {"ads": "nothing", "interact": "nothing"}
    quiet, busy = (
        make("livesim/Recommend-v0", others=idle),
        make("livesim/Recommend-v0", others={"ads": "random"}),
    )
    for env in (quiet, busy):
        env.reset(seed=12)
        for _ in range(DECISIONS):
            env.step(0)
    assert quiet.unwrapped.rooms.last_actions[0].tolist() == [0, 0, 0, 0]
    on_air = [env.unwrapped.rooms.status(0).history.ad.max() for env in (quiet, busy)]
    assert on_air[0] == -1
    assert on_air[1] >= 0


def test_a_refused_action_leaves_the_session_as_it_was(make, play):
    env, plain = make(), make()
    for each in (env, plain):
        each.reset(seed=14)
        play(each, 2)
    with pytest.raises(ActionError, match="action 99 of head 'recommend' is out of range"):
        env.unwrapped.step(np.array([99, 0, 0]))
    assert_same(play(env, 3), play(plain, 3))


@pytest.mark.parametrize("call", ["step", "render", "action_masks"])
def test_a_call_before_reset_says_so(make, call):
    env = make().unwrapped
    with pytest.raises(OrderError, match=rf"{call}\(\) before reset\(\): call reset\(\) first"):
        env.step(np.zeros(3, dtype=int)) if call == "step" else getattr(env, call)()


def test_a_step_after_the_end_says_so_and_reset_helps(make, play):
    env = make()
    env.reset(seed=1)
    play(env, DECISIONS)
    with pytest.raises(OrderError, match=r"step\(\) after the end of the session at 180 s: call reset\(\)"):
        env.step(np.zeros(3, dtype=int))
    env.reset()
    env.step(np.zeros(3, dtype=int))


def test_a_closed_environment_says_so_and_closes_twice(make):
    env = make().unwrapped
    env.reset(seed=1)
    env.close()
    env.close()
    with pytest.raises(OrderError, match=r"step\(\) on a closed environment"):
        env.step(np.zeros(3, dtype=int))
    with pytest.raises(OrderError, match=r"reset\(\) on a closed environment"):
        env.reset()


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"scenario": "entertainmnt"}, r"unknown scenario 'entertainmnt'.*Did you mean 'entertainment'\?"),
        ({"reward": "balancd"}, r"unknown reward 'balancd'.*Did you mean 'balanced'\?"),
        ({"reward_mode": "realized"}, r"unknown reward mode 'realized'.*Did you mean 'realised'\?"),
        ({"observation": "flatt"}, r"unknown observation 'flatt'.*Did you mean 'flat'\?"),
        ({"render_mode": "rgb"}, r"unknown render mode 'rgb'.*Known: ansi, rgb_array"),
        ({"heads": ["recomend"]}, r"unknown head 'recomend'.*Did you mean 'recommend'\?"),
        ({"heads": ["ads"], "others": {"recommend": "round_robbin"}}, r"Did you mean 'round_robin'\?"),
        ({"heads": ["ads"], "others": {"recomend": "random"}}, r"unknown head 'recomend'"),
        ({"overrides": {"session.durations_s": 60}}, r"Did you mean 'duration_s'\?"),
    ],
)  # fmt: skip
def test_an_unknown_name_gets_the_nearest_match(kwargs, text):
    from livesim.envs.env import RoomEnv

    with pytest.raises(LivesimError, match=text):
        RoomEnv(**{"scenario": "tiny", **kwargs})


def test_an_unknown_policy_lists_the_policies_of_that_head_only():
    from livesim.envs.env import RoomEnv

    with pytest.raises(UnknownNameError, match="others: ads: unknown policy 'credit'") as caught:
        RoomEnv(scenario="tiny", heads=["recommend"], others={"ads": "credit"})
    assert "credit_rule" in str(caught.value)
    assert "round_robin" not in str(caught.value)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"heads": []}, "at least one"),
        ({"heads": ["ads", "ads"]}, "each controlled head once"),
        ({"heads": ["ads"], "others": {"ads": "random"}}, "head 'ads' is controlled by the agent"),
    ],
)
def test_heads_that_do_not_fit_are_refused(kwargs, text):
    from livesim.envs.env import RoomEnv

    with pytest.raises(ConfigError, match=text):
        RoomEnv(scenario="tiny", **kwargs)


def test_an_unknown_reset_option_is_refused(make):
    with pytest.raises(ConfigError, match="options: unknown key 'speed'"):
        make().reset(options={"speed": 2})
