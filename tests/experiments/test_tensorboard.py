"""TensorBoard files: the same tags in every run, a layout that overlays them, HParams with final scores."""

from pathlib import Path

import pytest

from experiments import tensorboard

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder: Path):
    accumulator = event_accumulator.EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


POLICIES = {"random", "nothing", "combined", "ppo"}


@pytest.fixture(scope="module")
def runs(finished):
    root = finished / "tensorboard"
    return {str(file.parent.relative_to(root)): read(file.parent) for file in sorted(root.rglob("events.*"))}


def hparams_of(run):
    from tensorboard.plugins.hparams import plugin_data_pb2

    content = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info


def test_there_is_a_run_per_policy_one_per_training_seed_and_the_comparison(runs):
    assert set(runs) == {*POLICIES, "ppo/seed0", "ppo/seed1", "comparison"}


def test_every_policy_has_the_same_tags(runs):
    tags = {name: {tag for tag in runs[name].Tags()["scalars"] if not tag.startswith("final/")} for name in POLICIES}
    assert len({frozenset(some) for some in tags.values()}) == 1
    common = tags["random"]
    assert {"score/return", "terms/gifts", "terms/ads", "audience/viewers_mean", "health/stall_share"} <= common
    assert {"health/ad_minutes_per_hour", "interval/return_iqm", "interval/ahead_low"} <= common


def test_what_is_zero_for_every_policy_or_said_twice_has_no_chart(runs):
    tags = set(runs["ppo"].Tags()["scalars"])
    assert "terms/learning" not in tags  # nobody teaches in this room
    assert "score/return_realised" in tags
    assert "score/return_expected" not in tags  # the return itself, in this reward mode


def test_a_rule_is_a_line_over_every_step_where_a_learner_was_scored(runs):
    for name in POLICIES:
        assert [event.step for event in runs[name].Scalars("score/return")] == [48, 96, 192, 240]
    assert len({event.value for event in runs["combined"].Scalars("score/return")}) == 1


def test_a_learner_is_the_mean_of_its_training_seeds(runs):
    seeds = [runs[f"ppo/seed{k}"].Scalars("each_seed/terms/gifts") for k in (0, 1)]
    for mean, first, second in zip(runs["ppo"].Scalars("terms/gifts"), *seeds, strict=True):
        assert mean.value == pytest.approx((first.value + second.value) / 2, rel=1e-5)


def test_the_interval_is_around_its_value_and_the_best_rule_is_not_ahead_of_itself(runs):
    from experiments.tensorboard import interval_tags

    for measure in ("return_iqm", "ahead"):
        for value, low, high in zip(*(runs["ppo"].Scalars(tag) for tag in interval_tags(measure)), strict=True):
            assert low.value <= value.value + 1e-5
            assert value.value <= high.value + 1e-5
    assert any(all(event.value == 0 for event in runs[name].Scalars("interval/ahead")) for name in POLICIES)


def test_the_training_numbers_of_a_learner_are_in_its_own_run(runs):
    losses = runs["ppo/seed0"].Scalars("train/value_loss")
    assert losses[-1].step == 240


def test_every_seed_and_rule_is_a_row_of_hparams_under_its_name_with_its_final_scores(runs):
    rows = {name: hparams_of(run) for name, run in runs.items() if name not in ("ppo", "comparison")}
    names = {info.group_name for info in rows.values()}
    assert names == {"random", "nothing", "combined", "ppo, seed 0", "ppo, seed 1"}
    assert len({frozenset(info.hparams) for info in rows.values()}) == 1
    assert {"policy", "algorithm", "training_seed"} <= set(rows["random"].hparams)
    for name in rows:
        assert runs[name].Scalars("final/return_iqm")[-1].step == 240
        assert {"final/viewers_mean", "final/stall_share"} <= set(runs[name].Tags()["scalars"])


def test_the_comparison_holds_layout_columns_texts_and_figures(runs):
    from tensorboard.plugins.custom_scalar import layout_pb2

    comparison = runs["comparison"]
    texts = {"comparison/text_summary", "how to read/text_summary"}
    assert {"custom_scalars__config__", "_hparams_/experiment", *texts} <= set(comparison.Tags()["tensors"])
    content = comparison.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    layout = layout_pb2.Layout.FromString(content)
    charts = {(category.title, chart.title): chart for category in layout.category for chart in category.chart}
    assert list(charts["reward terms, credits a session", "gifts"].multiline.tag) == ["^terms/gifts$"]
    margin = charts["while learning", "return (interquartile mean, 95 %)"].margin.series[0]
    assert (margin.value, margin.lower, margin.upper) == tensorboard.interval_tags("return_iqm")
    images = set(comparison.Tags()["images"])
    assert {"figures/1_learning_curves", "figures/2_reward_terms", "session/ppo", "session/combined"} <= images


def test_the_board_is_built_anew_from_the_files(finished, tmp_path):
    import shutil

    from experiments import board
    from experiments.compare import compare
    from experiments.evaluate import read_scores
    from experiments.result_folder import ResultFolder

    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, ignore=shutil.ignore_patterns("tensorboard", "model"))
    folder = ResultFolder.open(copy)
    config = folder.config()
    board.build(folder, config, compare(read_scores(folder, config)))
    again, before = (read(root / "tensorboard" / "ppo") for root in (copy, finished))
    assert again.Tags() == before.Tags()
    for tag in before.Tags()["scalars"]:
        values = [[(event.step, event.value) for event in run.Scalars(tag)] for run in (again, before)]
        assert values[0] == values[1], tag


def test_keys_that_a_run_lacks_are_filled():
    runs = [{"policy": "random"}, {"policy": "ppo", "gamma": 0.9, "net": [16]}]
    assert tensorboard.same_keys(runs, always=("gamma", "net")) == [
        {"policy": "random", "gamma": "-", "net": "-"},
        {"policy": "ppo", "gamma": "0.9", "net": "[16]"},
    ]


def test_keys_that_all_runs_agree_on_are_left_out():
    runs = [{"policy": "random"}, {"policy": "a", "gamma": 0.9, "lr": 1}, {"policy": "b", "gamma": 0.9, "lr": 2}]
    assert [list(run) for run in tensorboard.same_keys(runs)] == [["policy", "lr"]] * 3
