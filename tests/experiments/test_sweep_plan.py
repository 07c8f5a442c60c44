"""Sweep files: what they ask for, under which names, and what is said about mistakes in them."""

import pytest

from experiments.sweep.config import load_sweep
from experiments.sweep.plan import cells_of, check_cells
from livesim.errors import LivesimError

SWEEP = """\
name: rates
base: small.yaml
scenarios: [tiny, entertainment]
hyperparameters:
  learning_rate: [1e-4, 3e-4]
  net: [[8], [16, 16]]
"""


@pytest.fixture
def sweep_file(tiny_file):
    """Return a file with a sweep of the small experiment beside it."""

    def write(text: str = SWEEP):
        file = tiny_file.with_name("sweep.yaml")
        file.write_text(text)
        return file

    return write


def names_of(file) -> list[str]:
    return [cell.name for cell in cells_of(load_sweep(file))]


def test_every_combination_is_a_cell_whose_name_says_which(sweep_file):
    cells = cells_of(load_sweep(sweep_file()))
    assert len(cells) == 2 * 2 * 2
    assert cells[0].name == "tiny__ppo__learning_rate-0.0001__net-8"
    assert cells[-1].name == "entertainment__ppo__learning_rate-0.0003__net-16-16"
    last = cells[-1].config
    assert (last.name, last.scenario, last.total_steps, last.training_seeds) == ("rates", "entertainment", 240, (0, 1))
    assert last.algorithms[0].hyperparameters == {
        "num_envs": 4, "n_steps": 12, "batch_size": 48, "n_epochs": 1, "net": [16, 16], "learning_rate": 3e-4,
    }  # fmt: skip
    assert cells[-1].world == ("entertainment",)


def test_a_cell_has_the_learner_overrides_and_seeds_of_the_sweep(sweep_file):
    file = sweep_file(
        "name: x\nbase: small.yaml\n"
        "algorithms: [{name: one, algorithm: ppo}, {name: two, algorithm: a2c, label: Two}]\n"
        "overrides: {audience.planned_viewers: [20, 30]}\ntraining_seeds: '3:5'\n"
    )
    cells = cells_of(load_sweep(file, ["total_steps=96", "network.kappa=0.5"]))
    assert [cell.name for cell in cells] == [
        "tiny__planned_viewers-20__one", "tiny__planned_viewers-20__two",
        "tiny__planned_viewers-30__one", "tiny__planned_viewers-30__two",
    ]  # fmt: skip
    last = cells[-1]
    assert [entry.label for entry in last.config.algorithms] == ["Two"]
    assert last.config.overrides == {"network.kappa": 0.5, "audience.planned_viewers": 30}
    assert (last.config.total_steps, last.config.training_seeds) == (96, (3, 4))
    assert last.world == ("tiny", "30")


def test_a_value_added_to_an_axis_leaves_the_other_cells_as_they_are(sweep_file):
    before = {cell.name: cell.config.digest() for cell in cells_of(load_sweep(sweep_file()))}
    more = cells_of(load_sweep(sweep_file(SWEEP.replace("3e-4]", "3e-4, 1e-3]"))))
    after = {cell.name: cell.config.digest() for cell in more}
    assert len(after) == 12
    assert before.items() <= after.items()


def test_a_resolved_sweep_reads_back_as_the_same_cells(sweep_file, tmp_path):
    import yaml

    sweep = load_sweep(sweep_file())
    (tmp_path / "resolved.yaml").write_text(yaml.safe_dump(sweep.as_data(), sort_keys=False))
    again = load_sweep(tmp_path / "resolved.yaml")
    assert cells_of(again) == cells_of(sweep)


def test_long_names_are_cut_and_stay_distinct(sweep_file):
    nets = "[[" + ", ".join(["16"] * 40) + "], [" + ", ".join(["16"] * 41) + "]]"
    names = names_of(sweep_file(f"name: x\nbase: small.yaml\nhyperparameters: {{net: {nets}}}\n"))
    assert len(set(names)) == 2
    assert {len(name) for name in names} == {109}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\n", "sweep.yaml: base is missing: the experiment to vary"),
        ("name: x\nbase: [1]\n", "sweep.yaml:2: base: write the file of an experiment, or its keys"),
        ("name: x\nbase: smal.yaml\n", "smal.yaml: no such experiment file. In that folder: "),
        ("name: x\nbase: {scenario: tiny, total_stepps: 3}\n", "sweep.yaml:2: unknown key 'total_stepps'"),
        ("name: x\nbase: {scenario: tiny}\n", "a sweep needs a learner"),
        ("name: x\nbase: small.yaml\nscenario: [tiny]\n", "Did you mean 'scenarios'?"),
        (
            "name: x\nbase: small.yaml\nhyperparameters: {gamma: 0.9}\n",
            "sweep.yaml:3: hyperparameters.gamma: an axis is a list of values, such as [0.9]",
        ),
        (
            "name: x\nbase: small.yaml\nhyperparameters:\n  gamma: [0.9, 0.9]\n",
            "sweep.yaml:4: hyperparameters.gamma: 0.9 is listed more than once",
        ),
        ("name: x\nbase: small.yaml\nscenarios: []\n", "sweep.yaml:3: scenarios: an axis needs at least one value"),
        (
            "name: x\nbase: small.yaml\nalgorithms: [{name: a, algorithm: ppo}, {name: a, algorithm: dqn}]\n",
            "'a' names more than one algorithm of the sweep",
        ),
        ("name: x\nbase: small.yaml\nhyperparameters: {net: [[8, 8], 8-8]}\n", "two cells would be named tiny__ppo"),
        ("name: x\nbase: small.yaml\nhyperparameters: {gama: [0.9]}\n", "unknown hyperparameter 'gama'"),
        ("name: x\nbase: small.yaml\nscenarios: [tinny]\n", "Did you mean 'tiny'?"),
        ("name: x\nbase: small.yaml\noverrides: {audience.planed_viewers: [3]}\n", "planed_viewers"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_clear_sentence(sweep_file, text, expected):
    from experiments.progress import Silent

    file = sweep_file(text)
    with pytest.raises(LivesimError) as error:
        check_cells(cells_of(load_sweep(file)), Silent(), str(file))
    assert expected in str(error.value)


def test_what_only_one_cell_cannot_do_is_said_with_its_name(sweep_file):
    from experiments.progress import Silent

    file = sweep_file("name: x\nbase: small.yaml\nhyperparameters: {gamma: [0.9, 2.0]}\n")
    with pytest.raises(LivesimError, match=r"sweep.yaml: cell tiny__ppo__gamma-2.0: algorithms: ppo: .*gamma"):
        check_cells(cells_of(load_sweep(file)), Silent(), str(file))
