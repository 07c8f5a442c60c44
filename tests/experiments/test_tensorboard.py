"""TensorBoard files: the same tags in every run, a layout that overlays them, HParams with final scores."""

from pathlib import Path

import pytest

from experiments import tensorboard

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder: Path):
    accumulator = event_accumulator.EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


@pytest.fixture(scope="module")
def runs(finished):
    root = finished / "tensorboard" / "tiny"
    return {str(run.relative_to(root)): read(run) for run in sorted(root.glob("*/seed*"))}


def scalars(accumulator) -> set[str]:
    learner_only = ("train/", "rollout/", "time/")
    return {tag for tag in accumulator.Tags()["scalars"] if not tag.startswith(learner_only)}


def test_there_is_one_run_per_policy_and_training_seed(runs):
    assert set(runs) == {"random/seed0", "nothing/seed0", "combined/seed0", "ppo/seed0", "ppo/seed1"}


def test_every_run_has_the_same_tags(runs):
    tags = {name: scalars(accumulator) for name, accumulator in runs.items()}
    assert len({frozenset(some) for some in tags.values()}) == 1
    common = tags["random/seed0"]
    assert {
        "score/return",
        "terms/gifts",
        "terms/ads",
        "audience/viewers_mean",
        "health/stall_share",
    } <= common
    assert {"health/ad_minutes_per_hour", "final/return_iqm"} <= common


def test_a_rule_is_a_line_over_every_step_where_a_learner_was_scored(runs):
    learner = [event.step for event in runs["ppo/seed0"].Scalars("score/return")]
    rule = [event.step for event in runs["random/seed0"].Scalars("score/return")]
    assert learner == rule == [48, 96, 192, 240]


def test_the_training_numbers_of_a_learner_are_in_its_own_run(runs):
    assert "train/value_loss" in runs["ppo/seed0"].Tags()["scalars"]


def test_every_run_has_hparams_with_the_same_keys_and_its_final_score(runs):
    from tensorboard.plugins.hparams import plugin_data_pb2

    keys = set()
    for accumulator in runs.values():
        content = accumulator.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        info = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
        keys.add(frozenset(info.hparams))
        assert accumulator.Scalars("final/return_iqm")[-1].step == 240
    assert len(keys) == 1
    assert {"policy", "algorithm", "training_seed", "n_steps"} <= set(next(iter(keys)))


def test_the_root_holds_the_layout_the_columns_of_hparams_and_the_table(finished):
    from tensorboard.plugins.custom_scalar import layout_pb2

    root = read(finished / "tensorboard")
    assert {"custom_scalars__config__", "_hparams_/experiment", "comparison/text_summary"} <= set(
        root.Tags()["tensors"]
    )
    content = root.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    layout = layout_pb2.Layout.FromString(content)
    charts = {(category.title, chart.title): chart for category in layout.category for chart in category.chart}
    assert list(charts["terms", "gifts"].multiline.tag) == ["^terms/gifts$"]
    assert charts["aggregate", "return, 95 %"].margin.series[0].value == "agg/return_iqm"


def test_every_policy_has_an_aggregate_over_its_training_seeds(finished):
    for name in ("ppo", "combined"):
        run = read(finished / "tensorboard" / "tiny" / name / "all")
        assert set(run.Tags()["scalars"]) == set(tensorboard.AGGREGATE_TAGS)
        assert [event.step for event in run.Scalars("agg/return_iqm")] == [48, 96, 192, 240]


def test_keys_that_a_run_lacks_are_filled():
    runs = [{"policy": "random"}, {"policy": "ppo", "gamma": 0.9, "net": [16]}]
    assert tensorboard.same_keys(runs) == [
        {"policy": "random", "gamma": "-", "net": "-"},
        {"policy": "ppo", "gamma": "0.9", "net": "[16]"},
    ]
