"""Learners at tiny size: exact resume, starts, model files, errors."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from stable_baselines3.common.evaluation import evaluate_policy

from agents import foreign, hyperparameters, model_files
from agents.learned import Learner
from agents.network import load_model
from agents.policy import make_policy
from agents.vec_env import RoomsVecEnv, TwinRooms
from livesim.envs.vector_env import RoomVectorEnv
from livesim.errors import CheckpointError, ConfigError

ROOM = {"scenario": "tiny", "heads": ["recommend", "ads", "interact"]}
ADS = {"scenario": "tiny", "heads": ["ads"], "others": {"recommend": "random", "interact": "rotation"}}
SMALL = {
    "ppo": {"num_envs": 2, "n_steps": 7, "batch_size": 7, "n_epochs": 2, "net": [8]},
    "maskable_ppo": {
        "num_envs": 2,
        "n_steps": 7,
        "batch_size": 7,
        "n_epochs": 2,
        "net": [8],
        "learning_rate_end": 1e-5,
        "warm_start": {"policy": "combined", "episodes": 2, "epochs": 1},
    },
    "recurrent_ppo": {
        "num_envs": 2,
        "n_steps": 7,
        "batch_size": 7,
        "n_epochs": 2,
        "net": [8],
        "lstm_size": 4,
        "warm_start": {"policy": "combined", "episodes": 2, "epochs": 1},
    },
    "a2c": {"num_envs": 2, "n_steps": 5, "net": [8], "initial_bias": "nothing", "twin": "combined"},
    "dqn": {
        "num_envs": 2,
        "learning_starts": 20,
        "buffer_size": 64,
        "batch_size": 8,
        "target_update_interval": 16,
        "net": [8],
    },
}


def start(algorithm, **changes):
    env = ADS if algorithm == "dqn" else ROOM
    return Learner(algorithm, {**SMALL[algorithm], **changes}, env, seed=1, budget=400)


def weights(learner):
    """Return every number of the policy, value and target networks, and of the normaliser."""
    tensors = [value.numpy() for value in learner.model.policy.state_dict().values()]
    return [*tensors, *learner.normaliser.state().values()]


@pytest.mark.parametrize("algorithm", SMALL)
def test_interrupted_and_resumed_training_is_bit_identical(algorithm, tmp_path):
    straight = start(algorithm)
    straight.learn_until(200)
    stopped = start(algorithm)
    stopped.learn_until(90)
    np.random.rand(3)  # what the caller draws in between is no part of the run
    stopped.save_checkpoint(tmp_path)
    resumed = Learner.load_checkpoint(tmp_path)
    assert resumed.steps == stopped.steps
    resumed.learn_until(200)
    assert resumed.steps == straight.steps
    for mine, theirs in zip(weights(straight), weights(resumed), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_same_seed_trains_the_same_and_another_seed_does_not():
    hyper = SMALL["ppo"]
    first, again, other = (Learner("ppo", hyper, ROOM, seed=seed, budget=100) for seed in (1, 1, 2))
    for learner in (first, again, other):
        learner.learn_until(28)
    for mine, theirs in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert any((mine != theirs).any() for mine, theirs in zip(weights(first), weights(other), strict=True))


def test_a_corrupt_checkpoint_falls_back_loudly_to_the_older_one(tmp_path):
    learner = start("ppo")
    learner.learn_until(14)
    learner.save_checkpoint(tmp_path)
    learner.learn_until(28)
    newest = learner.save_checkpoint(tmp_path)
    (newest / "optimiser.npz").write_bytes(b"half")
    with pytest.warns(UserWarning, match=r"falling back to the older checkpoint step_0+14: .*optimiser.npz is corrupt"):
        assert Learner.load_checkpoint(tmp_path).steps == 14


def test_without_a_whole_checkpoint_the_error_says_what_is_wrong(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        Learner.load_checkpoint(tmp_path)
    learner = start("ppo")
    learner.learn_until(14)
    (learner.save_checkpoint(tmp_path) / "weights.npz").unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoint can be used. .*weights.npz is missing"):
        Learner.load_checkpoint(tmp_path)


def test_a_stop_inside_a_rollout_cannot_be_saved(tmp_path):
    learner = start("ppo")
    learner.learn_until(14)

    def interrupt(actions):
        raise KeyboardInterrupt

    learner.rooms.step_async = interrupt
    with pytest.raises(KeyboardInterrupt):
        learner.learn_until(28)
    with pytest.raises(CheckpointError, match="interrupted inside a rollout"):
        learner.save_checkpoint(tmp_path)


def test_the_callback_runs_at_every_rollout_and_can_stop_training():
    learner, seen = start("ppo"), []

    def watch(current):
        seen.append(current.steps)
        return current.steps < 28

    assert learner.learn_until(400, watch) is False
    assert seen == [14, 28]
    assert learner.statistics["time/fps"] > 0


@pytest.mark.parametrize("algorithm", sorted(set(SMALL) - {"recurrent_ppo"}))
def test_a_saved_model_plays_like_the_trained_network(algorithm, tmp_path):
    import torch

    learner = start(algorithm)
    learner.learn_until(60)
    learner.save_model(tmp_path / "model")
    policy = load_model(tmp_path / "model")
    raw = learner.rooms.raw_observation
    normal = torch.as_tensor(learner.normaliser.observation(raw))
    with torch.no_grad():
        if algorithm == "dqn":
            expected = learner.model.q_net(normal).numpy()
        else:
            latent = learner.model.policy.mlp_extractor.forward_actor(normal)
            expected = learner.model.policy.action_net(latent).numpy()
    np.testing.assert_allclose(policy.outputs(raw), expected, atol=1e-5)
    np.testing.assert_array_equal(policy.shift, learner.normaliser.scale()[0])
    assert (policy.factor != 1.0).any(), "normalisation must travel with the model"


@pytest.mark.parametrize("algorithm", ["ppo", "a2c", "maskable_ppo"])
def test_initial_bias_starts_with_action_zero_at_nine_tenths_in_every_head(algorithm, observe):
    changes = {"initial_bias": "nothing"} | ({"warm_start": None} if algorithm == "maskable_ppo" else {})
    policy = start(algorithm, **changes).policy()
    outputs, begin = policy.outputs(observe(rows=4)), 0
    for size in policy.spec.sizes:
        logits = outputs[:, begin : begin + size]
        share = np.exp(logits[:, 0]) / np.exp(logits).sum(axis=1)
        np.testing.assert_allclose(share, 0.9, atol=0.02)
        begin += size


def test_a_dqn_that_starts_from_nothing_prefers_nothing(observe):
    assert (start("dqn", initial_bias="nothing").policy().predict(observe(rows=4))[0] == 0).all()


def test_a_warm_start_clones_its_policy():
    plan = {"policy": "ads.fixed_interval", "episodes": 8, "epochs": 60}
    env = {**ADS, "others": {"recommend": "round_robin", "interact": "nothing"}}
    hyper = {"num_envs": 4, "n_steps": 8, "batch_size": 32, "warm_start": plan}
    learner = Learner("maskable_ppo", hyper, env, seed=0, budget=100)
    learner.learn_until(1)
    assert learner.warm_start_agreement > 0.95


def test_a_dqn_can_be_warm_started_and_begins_with_the_demonstrations_in_its_memory():
    learner = start("dqn", warm_start={"policy": "ads.fixed_interval", "episodes": 2, "epochs": 1})
    learner.learn_until(1)
    buffer = learner.model.replay_buffer
    decisions = learner.env.scenario.decisions
    assert buffer.full or buffer.pos == decisions + learner.hyper.train_freq
    assert learner.normaliser.is_frozen


def test_dqn_refuses_several_heads():
    with pytest.raises(ConfigError, match=r"dqn plays one head, but this environment has recommend, ads, interact"):
        Learner("dqn", {}, ROOM, seed=0, budget=100)


def test_a_learner_of_dict_observations_learns_the_same_and_plays_them(layout):
    flat, named = (
        Learner("ppo", SMALL["ppo"], {**ROOM, "observation": kind}, seed=1, budget=100) for kind in ("flat", "dict")
    )
    for learner in (flat, named):
        learner.learn_until(14)
    for mine, theirs in zip(weights(flat), weights(named), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    raw = flat.rooms.raw_observation
    np.testing.assert_array_equal(named.policy().predict(layout.named(raw))[0], flat.policy().predict(raw)[0])


def test_a_foreign_zip_needs_explicit_trust(tmp_path, observe):
    learner = start("ppo")
    learner.model.save(tmp_path / "foreign.zip")
    with pytest.raises(CheckpointError, match=r"runs code when it is loaded.*--trust-pickle"):
        foreign.load_foreign(tmp_path / "foreign.zip", "ppo")
    model = foreign.load_foreign(tmp_path / "foreign.zip", "ppo", trust_pickle=True)
    assert model.predict(observe(rows=2))[0].shape == (2, 3)


def test_training_seeds_are_no_evaluation_seeds():
    learner = start("ppo")
    assert learner.env_seed >= 2**32


def test_stable_baselines_evaluates_a_heuristic():
    env = RoomVectorEnv(num_envs=2, scenario="tiny")
    rooms = RoomsVecEnv(env, seeds=[5, 6])
    policy = make_policy("combined", env.layout, env.scenario, env.heads)
    returns, lengths = evaluate_policy(policy, rooms, n_eval_episodes=2, return_episode_rewards=True)
    assert lengths == [env.scenario.decisions] * 2
    direct = RoomVectorEnv(num_envs=2, scenario="tiny")
    observation, _ = direct.reset(seed=[5, 6])
    state, total = None, np.zeros(2)
    for _ in range(env.scenario.decisions):
        action, state = policy.predict(observation, state)
        observation, reward, *_ = direct.step(action)
        total += reward
    np.testing.assert_allclose(returns, total)


def test_an_ended_episode_reports_its_last_observation_and_return():
    env = RoomVectorEnv(num_envs=2, scenario="tiny")
    rooms = RoomsVecEnv(env, seeds=[5, 6])
    rooms.reset()
    action = np.zeros((2, 3), dtype=np.int64)
    for _ in range(env.scenario.decisions):
        observation, _, done, infos = rooms.step(action)
    assert done.all()
    remaining = env.layout.slices["remaining_min"]
    assert infos[0]["terminal_observation"][remaining][0] == 0.0
    assert observation[0, remaining][0] > 0.0
    assert infos[0]["TimeLimit.truncated"] is False
    assert infos[0]["episode"]["l"] == env.scenario.decisions


def test_a_room_that_acts_like_its_twin_learns_from_zero_rewards_until_it_differs():
    env, other = (RoomVectorEnv(num_envs=2, scenario="tiny") for _ in range(2))
    policy = make_policy("combined", env.layout, env.scenario, env.heads)
    rooms = RoomsVecEnv(env, seeds=[5, 6], twin=TwinRooms(other, policy))
    rooms.reset()
    state, rewards = None, []
    for _ in range(2 * env.scenario.decisions):
        action, state = policy.predict(rooms.raw_observation, state)
        _, reward, _, infos = rooms.step(action)
        rewards.append(reward)
    np.testing.assert_array_equal(rewards, 0.0)
    assert infos[0]["episode"]["r"] > 0.0, "the reported return is the room's own"
    rooms.step(np.tile([0, 1, 1], (2, 1)))
    assert any(rooms.step(np.zeros((2, 3), dtype=np.int64))[1].any() for _ in range(3))


def test_every_algorithm_has_hyperparameters_and_files_hold_only_data(tmp_path):
    assert set(SMALL) == set(hyperparameters.ALGORITHMS)
    learner = start("a2c")
    learner.learn_until(10)
    folder = learner.save_checkpoint(tmp_path)
    assert {path.suffix for path in folder.iterdir()} == {".npz", ".json"}
    model_files.verify(folder)
