import numpy as np

from agents.normaliser import Normaliser, fixed_columns


def test_running_moments_equal_those_of_all_rows_together():
    generator = np.random.default_rng(0)
    parts = [generator.normal(3.0, 2.0, (n, 4)) for n in (1, 7, 20)]
    normaliser = Normaliser(4, [], 0.9, 1)
    for part in parts:
        normaliser.see(part)
    together = np.concatenate(parts)
    np.testing.assert_allclose(normaliser.observations.mean, together.mean(axis=0))
    np.testing.assert_allclose(normaliser.observations.var, together.var(axis=0))


def test_masks_and_one_hots_are_left_alone(layout):
    fixed = fixed_columns(layout)
    normaliser = Normaliser(layout.size, fixed, 0.9, 1)
    generator = np.random.default_rng(1)
    rows = generator.normal(5.0, 3.0, (50, layout.size)).astype(np.float32)
    rows[:, fixed] = generator.random((50, len(fixed))) < 0.1
    normaliser.see(rows)
    out = normaliser.observation(rows)
    np.testing.assert_array_equal(out[:, fixed], rows[:, fixed])
    free = np.setdiff1d(np.arange(layout.size), fixed)
    np.testing.assert_allclose(out[:, free].mean(axis=0), 0.0, atol=0.05)
    assert set(fixed) >= set(range(layout.slices["mask_ads"].start, layout.slices["mask_ads"].stop))


def test_a_constant_field_is_only_centred():
    normaliser = Normaliser(1, [], 0.9, 1)
    normaliser.see(np.full((10, 1), 60.0))
    np.testing.assert_array_equal(normaliser.observation(np.array([[60.0], [61.0]])), [[0.0], [1.0]])


def test_rewards_are_divided_by_the_spread_of_the_running_return():
    normaliser = Normaliser(1, [], 0.5, 2)
    normaliser.see_rewards(np.array([2.0, 4.0]), np.array([False, True]))  # running returns 2, 4
    normaliser.see_rewards(np.array([1.0, 1.0]), np.array([False, False]))  # running returns 2, 1
    spread = np.sqrt(np.var([2.0, 4.0, 2.0, 1.0]))
    np.testing.assert_allclose(normaliser.reward(np.array([1.0, 0.0])), [1.0 / spread, 0.0], rtol=1e-6)


def test_a_frozen_normaliser_learns_nothing():
    normaliser = Normaliser(2, [], 0.9, 1)
    normaliser.see(np.ones((3, 2)))
    normaliser.is_frozen = True
    before = normaliser.scale()
    normaliser.see(np.full((3, 2), 9.0))
    np.testing.assert_array_equal(normaliser.scale(), before)


def test_state_and_restore_are_exact():
    normaliser, other = Normaliser(3, [0], 0.9, 2), Normaliser(3, [0], 0.9, 2)
    normaliser.see(np.random.default_rng(0).normal(size=(5, 3)))
    normaliser.see_rewards(np.array([1.0, 2.0]), np.array([False, False]))
    other.restore(normaliser.state())
    for name, value in normaliser.state().items():
        np.testing.assert_array_equal(other.state()[name], value)
