"""Both render modes show one room; video recording works on every id."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo
from sessions import DECISIONS

from livesim.envs.text import sparkline
from livesim.errors import LivesimError


def test_ansi_fits_one_screen_and_names_what_matters(make, play, scenario):
    env = make(scenario=scenario, render_mode="ansi")
    env.reset(seed=1)
    for _ in range(2):
        text = env.render()
        lines = text.splitlines()
        assert len(lines) <= 32
        assert max(len(line) for line in lines) <= 100, max(lines, key=len)
        for word in ("AUDIENCE", "CHAT", "NETWORK", "ON AIR", "CREDITS", "viewers", f"livesim · {scenario}"):
            assert word in text
        play(env, DECISIONS // 2)
    assert "0:01:30 / 0:03:00" in text


def test_ansi_shows_the_money_of_the_preset(make, play):
    env = make(render_mode="ansi", reward="revenue")
    env.reset(seed=1)
    play(env, 2)
    assert "gifts" in env.render()
    assert "watch" not in env.render().split("CREDITS")[1].split("RECENT")[0]


def test_a_frame_is_an_image_that_changes_with_the_room(make, play, scenario):
    env = make(scenario=scenario, render_mode="rgb_array")
    env.reset(seed=1)
    first = env.render()
    play(env, 3)
    later = env.render()
    for frame in (first, later):
        assert (frame.shape, frame.dtype) == ((640, 960, 3), np.uint8)
    assert (first != later).any()
    np.testing.assert_array_equal(later, env.render())


def test_a_frame_does_not_depend_on_the_frames_before_it(make, play):
    drawn, fresh = (make(render_mode="rgb_array") for _ in range(2))
    for env in (drawn, fresh):
        env.reset(seed=1)
    drawn.render()
    for _ in range(DECISIONS):
        for env in (drawn, fresh):
            env.step(np.zeros(3, dtype=int))
        last = drawn.render()
    np.testing.assert_array_equal(last, fresh.render())


def test_rendering_changes_nothing_in_the_room(make, play):
    shown, plain = make(render_mode="ansi"), make()
    for env in (shown, plain):
        env.reset(seed=2)
    for _ in range(3):
        shown.render()
        one, other = shown.step(np.zeros(3, dtype=int)), plain.step(np.zeros(3, dtype=int))
        np.testing.assert_array_equal(one[0], other[0])


def test_an_environment_with_an_open_figure_can_be_copied(make):
    env = make(render_mode="rgb_array").unwrapped
    env.reset(seed=1)
    frame = env.render()
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        np.testing.assert_array_equal(twin.render(), frame)


def test_record_video_writes_a_session(make, play, env_id, tmp_path):
    env = RecordVideo(make(env_id, render_mode="rgb_array"), str(tmp_path / "videos"), episode_trigger=lambda _: True)
    env.reset(seed=1)
    play(env, DECISIONS)
    env.close()
    assert [path.stat().st_size > 1000 for path in (tmp_path / "videos").glob("*.mp4")] == [True]


def test_a_vector_renders_every_room(make_vec):
    envs = make_vec(num_envs=2, render_mode="ansi")
    envs.reset(seed=1)
    assert [text.splitlines()[0].split()[2] for text in envs.render()] == ["tiny", "tiny"]


def test_no_matplotlib_gives_an_install_hint(make, monkeypatch):
    env = make(render_mode="rgb_array").unwrapped
    env.reset(seed=1)
    for name in [name for name in sys.modules if name.startswith("livesim.envs.dashboard")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_NoMatplotlib(), *sys.meta_path])
    with pytest.raises(LivesimError, match=r"needs matplotlib.*pip install 'livesim\[train\]'"):
        env.render()


class _NoMatplotlib:
    """A finder that knows no matplotlib, as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def test_a_sparkline_is_scaled_to_its_maximum():
    assert sparkline(np.array([0.0, 1.0, 2.0, 4.0, 8.0]), 4) == "▁▂▄█"
    assert sparkline(np.zeros(3), 5) == "   "
    assert sparkline(np.array([]), 5) == ""
