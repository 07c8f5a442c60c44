"""Result folders: what protects them, and what they say about how they were made."""

import json

import pytest

from agents.files import write_text
from experiments.config import load_config
from experiments.result_folder import ResultFolder
from livesim.errors import ResultFolderError


@pytest.fixture
def config(tiny_file):
    return load_config(tiny_file)


def message_of(call, *arguments) -> str:
    with pytest.raises(ResultFolderError) as error:
        call(*arguments)
    return str(error.value)


def test_a_new_folder_says_how_it_was_made(tmp_path, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    assert folder.config() == config
    assert json.loads((folder.path / "scenario.json").read_text())["name"] == "tiny"
    versions = json.loads((folder.path / "versions.json").read_text())
    assert {"python", "platform", "packages", "git_commit"} <= versions.keys()
    assert versions["packages"]["numpy"]
    seeds = json.loads((folder.path / "seeds.json").read_text())
    assert seeds["evaluation_seeds"] == list(range(1000, 1008))
    assert min(seeds["first_training_room"].values()) > max(seeds["evaluation_seeds"])


def test_a_folder_that_holds_a_result_is_not_overwritten(tmp_path, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    before = (folder.path / "config.yaml").read_bytes()
    text = message_of(ResultFolder.create, folder.path, config)
    assert text.endswith(
        "result: holds a result (running); nothing was changed. "
        "Continue it with --resume or choose another with --out DIR."
    )
    assert (folder.path / "config.yaml").read_bytes() == before


def test_a_folder_or_file_of_somebody_else_is_not_touched(tmp_path, config):
    (tmp_path / "thesis.tex").write_text("precious")
    assert "exists; nothing was changed" in message_of(ResultFolder.create, tmp_path, config)
    assert "exists; nothing was changed" in message_of(ResultFolder.create, tmp_path / "thesis.tex", config)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_an_empty_folder_may_be_used(tmp_path, config):
    (tmp_path / "empty").mkdir()
    assert ResultFolder.create(tmp_path / "empty", config).status()["state"] == "running"


def test_another_configuration_cannot_resume_a_folder(tmp_path, tiny_file, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    other = load_config(tiny_file, ["total_steps=999"])
    text = message_of(ResultFolder.resume, folder.path, other)
    assert "belongs to another configuration (total_steps: 240 there, 999 here)" in text
    assert "start another folder with --out DIR" in text


def test_settings_that_change_no_result_may_differ_on_resume(tmp_path, tiny_file, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    ResultFolder.resume(folder.path, load_config(tiny_file, ["batch=3"]))


def test_a_changed_scenario_cannot_resume_a_folder(tmp_path, tiny_file):
    scenario = tmp_path / "own.yaml"
    scenario.write_text("extends: tiny\n")
    config = load_config(tiny_file, [f"scenario={scenario}"])
    folder = ResultFolder.create(tmp_path / "result", config)
    scenario.write_text("extends: tiny\naudience: {planned_viewers: 17}\n")
    assert "(the scenario or a default of a learner has changed since)" in message_of(
        ResultFolder.resume, folder.path, config
    )


def test_other_defaults_of_a_learner_are_another_configuration(tmp_path, config, monkeypatch):
    from agents import hyperparameters

    folder = ResultFolder.create(tmp_path / "result", config)
    changed = type("Changed", (hyperparameters.PPO,), {"__annotations__": {"gamma": float}, "gamma": 0.5})
    monkeypatch.setitem(hyperparameters.ALGORITHMS, "maskable_ppo", changed)
    assert "has changed since" in message_of(ResultFolder.resume, folder.path, config)


def test_software_that_changed_since_is_named(tmp_path, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    assert folder.changed_versions() == []
    file = folder.path / "versions.json"
    then = json.loads(file.read_text())
    now = then["packages"]["numpy"]
    then["packages"]["numpy"] = "1.0"
    file.write_text(json.dumps(then))
    assert folder.changed_versions() == [f"numpy: 1.0 then, {now} now"]


def test_what_continued_a_run_is_kept_until_all_is_played(tmp_path, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    folder.note_versions(["numpy: 1.0 then, 2.0 now"])
    folder.note_versions(["numpy: 1.0 then, 2.0 now"])
    assert folder.versions()["continued_with"] == ["numpy: 1.0 then, 2.0 now"]
    assert folder.changed_versions() == []
    folder.finish("evaluate")
    folder.note_versions(["scipy: 1.0 then, 2.0 now"])
    assert len(folder.versions()["continued_with"]) == 1


def test_a_missing_folder_cannot_be_resumed(tmp_path, config):
    assert message_of(ResultFolder.resume, tmp_path / "none", config).endswith("none: no such result folder")


def test_a_folder_left_before_it_began_is_named(tmp_path, config):
    (tmp_path / "config.yaml").write_text("name: x\n")
    text = message_of(ResultFolder.resume, tmp_path, config)
    assert "is not a result folder, or was left before it began: status.json is missing" in text


@pytest.mark.parametrize("content", ['{"state": "runn', "[]", '{"state": "running"}'])
def test_a_damaged_status_is_named(tmp_path, config, content):
    folder = ResultFolder.create(tmp_path / "result", config)
    (folder.path / "status.json").write_text(content)
    assert "status.json: " in message_of(ResultFolder.open, folder.path)


def test_two_processes_cannot_work_in_one_folder(tmp_path, config):
    folder = ResultFolder.create(tmp_path / "result", config)
    with folder.locked():
        other = ResultFolder.open(folder.path)
        with (
            pytest.raises(ResultFolderError, match="another process is working in this folder"),
            other.locked(),
        ):
            pass


def test_a_file_is_whole_or_absent(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
