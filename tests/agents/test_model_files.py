import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from agents import model_files
from agents.forward import product
from agents.network import NetworkPolicy, NetworkSpec, load_model, save_model
from livesim.errors import CheckpointError, ConfigError


class Bomb:
    """Runs when unpickled."""

    fired = False

    def __reduce__(self):
        return (setattr, (Bomb, "fired", True))


@pytest.fixture
def policy(layout):
    generator = np.random.default_rng(0)
    sizes = tuple(layout.head_sizes[:3])
    spec = NetworkSpec(
        algorithm="maskable_ppo",
        heads=("recommend", "ads", "interact"),
        sizes=sizes,
        fields={name: (place.start, place.stop) for name, place in layout.slices.items()},
        activation="tanh",
        masks=True,
        greedy=False,
    )
    shapes = [(8, layout.size), (sum(sizes), 8)]
    weights = {}
    for i, shape in enumerate(shapes):
        weights[f"weight_{i}"] = generator.normal(size=shape).astype(np.float32)
        weights[f"bias_{i}"] = np.zeros(shape[0], np.float32)
    return NetworkPolicy(spec, weights, np.zeros(layout.size, np.float32), np.full(layout.size, 0.1, np.float32))


def test_a_saved_model_plays_as_before(policy, tmp_path, observe):
    save_model(tmp_path / "model", policy, {"steps": 5})
    loaded = load_model(tmp_path / "model")
    rows = observe(rows=6, elapsed_min=np.arange(6.0))
    for deterministic in (True, False):
        np.testing.assert_array_equal(
            loaded.predict(rows, deterministic=deterministic)[0],
            policy.predict(rows, deterministic=deterministic)[0],
        )


def test_what_a_model_says_of_a_room_depends_on_no_other_room():
    generator = np.random.default_rng(1)
    weight, rows = (generator.normal(size=(n, 200)).astype(np.float32) for n in (128, 64))
    together = product(rows, weight)
    for row in range(64):
        np.testing.assert_array_equal(product(rows[row : row + 1], weight)[0], together[row])
    np.testing.assert_allclose(together, rows @ weight.T, rtol=1e-4, atol=1e-4)


def test_what_a_model_says_does_not_depend_on_the_number_of_threads():
    code = (
        "import numpy as np; from agents.forward import product; g = np.random.default_rng(1)\n"
        "arrays = [g.normal(size=(n, 200)).astype(np.float32) for n in (64, 128)]\n"
        "print(__import__('zlib').crc32(product(*arrays).tobytes()))"
    )
    answers = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={**os.environ, "OPENBLAS_NUM_THREADS": threads}).stdout
        for threads in ("1", "2")
    }  # fmt: skip
    assert len(answers) == 1


def test_saving_again_replaces_the_model_and_leaves_nothing_else(policy, tmp_path):
    for _ in range(2):
        save_model(tmp_path / "model", policy, {})
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_sampling_respects_masks_and_depends_on_the_episode_not_on_the_batch(policy, observe, layout):
    mask = np.zeros(len(layout.kind_names) + 1)
    mask[:2] = 1.0
    rows = observe(rows=50, mask_interact=np.tile(mask, (50, 1)))
    together, _ = policy.predict(rows, policy.initial_state(range(50)), deterministic=False)
    alone, _ = policy.predict(rows[7:8], policy.initial_state([7]), deterministic=False)
    assert together[:, 2].max() <= 1
    assert len(np.unique(together, axis=0)) > 1
    np.testing.assert_array_equal(alone[0], together[7])


def test_an_observation_of_another_scenario_is_refused(policy, layout):
    with pytest.raises(ConfigError, match=rf"observation of {layout.size - 1} numbers does not fit this model"):
        policy.predict(np.zeros((2, layout.size - 1), dtype=np.float32))


def test_a_corrupt_file_is_named(policy, tmp_path):
    save_model(tmp_path / "model", policy, {})
    path = tmp_path / "model" / "weights.npz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"weights.npz is corrupt: its checksum differs from manifest.json"):
        load_model(tmp_path / "model")


def test_a_half_written_folder_is_refused(policy, tmp_path):
    save_model(tmp_path / "model", policy, {})
    (tmp_path / "model" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=r"manifest.json is missing or unreadable"):
        load_model(tmp_path / "model")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere: no such folder"):
        load_model(tmp_path / "nowhere")


def _objects() -> bytes:
    archive = io.BytesIO()
    member = io.BytesIO()
    np.lib.format.write_array(member, np.array([Bomb()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("weight_0.npy", member.getvalue())
    return archive.getvalue()


@pytest.mark.parametrize("payload", [pickle.dumps(Bomb()), _objects()], ids=["pickle", "npz of objects"])
def test_a_pickle_in_place_of_the_weights_is_refused_and_never_run(policy, tmp_path, payload):
    save_model(tmp_path / "model", policy, {})
    folder = tmp_path / "model"
    (folder / "weights.npz").write_bytes(payload)
    names = sorted(path.name for path in folder.iterdir() if path.name != "manifest.json")
    digests = {name: model_files._digest(folder / name) for name in names}  # an attacker forges the checksums too
    model_files._write_json(folder / "manifest.json", {"sha256": digests})
    with pytest.raises(CheckpointError, match="not plain data, so it is not loaded"):
        load_model(folder)
    assert not Bomb.fired


def test_objects_are_never_written(tmp_path):
    with pytest.raises(CheckpointError, match="array 'x' holds Python objects"):
        model_files.write_folder(tmp_path / "m", {"weights": {"x": np.array([Bomb()], dtype=object)}}, {})
    assert list(tmp_path.iterdir()) == []


def test_the_last_two_checkpoints_are_kept(tmp_path):
    for step in (10, 20, 30):
        model_files.write_step(tmp_path, step, {"a": {"x": np.array([step])}}, {})
    assert [path.name for path in model_files.steps(tmp_path)] == ["step_000000000020", "step_000000000030"]
    assert model_files.has_checkpoint(tmp_path)
