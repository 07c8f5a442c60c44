"""The leaderboard holds what committed configurations made, and says of every row where it came from."""

import json
import shutil
from pathlib import Path

import pytest

from experiments import leaderboard, provenance
from livesim.errors import ResultFolderError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def shipped(finished, tmp_path, monkeypatch) -> Path:
    """The folder of shipped configurations, holding that of the finished run, as if it were committed."""
    configs = tmp_path / "experiments" / "configs"
    configs.mkdir(parents=True)
    shutil.copy(finished.parent / "small.yaml", configs)
    monkeypatch.setattr(provenance, "CONFIGS", configs)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "is_committed", lambda file: True)
    return configs


@pytest.fixture
def result(finished, tmp_path) -> Path:
    """A copy of the finished run, made at COMMIT."""
    return made_at(finished, tmp_path / "result", COMMIT)


def made_at(finished: Path, folder: Path, commit: str | None) -> Path:
    shutil.copytree(finished, folder)
    versions = json.loads((folder / "versions.json").read_text())
    (folder / "versions.json").write_text(json.dumps({**versions, "git_commit": commit}))
    return folder


def refusal(*paths: Path) -> str:
    with pytest.raises(ResultFolderError) as error:
        leaderboard.entries(paths)
    return str(error.value)


def test_every_policy_stands_with_its_numbers_and_their_origin(result, shipped):
    page = leaderboard.page(leaderboard.entries([result]))
    assert "## livesim/Room-v0, tiny: small" in page
    assert "`livesim run experiments/configs/small.yaml` at commit 0123456789ab: decisions of training 240, " in page
    assert "training seeds 0:2, evaluation seeds 1000:1008" in page
    section = page.split("## livesim/Room-v0")[1]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert {row.split("|")[1].strip() for row in rows} == {"PPO", "random", "nothing", "combined"}
    summary = [line for line in page.split("## ")[0].splitlines() if line.startswith("| livesim/Room-v0")]
    assert len(summary) == 1
    assert [cell.strip() for cell in summary[0].split("|")][-4:-1] == ["8", "240", "0123456789ab"]


def test_decisions_on_copies_count_as_training(result, shipped):
    for seed, copied in ((0, 1000.0), (1, 2000.0)):
        file = result / "runs" / "ppo" / f"seed{seed}" / "progress.csv"
        header, *rows = file.read_text().splitlines()
        lines = [
            f"{header},look_ahead/decisions",
            *(f"{row},{copied}" for row in rows[:1]),
            *(f"{r}," for r in rows[1:]),
        ]
        file.write_text("\n".join(lines) + "\n")
    page = leaderboard.page(leaderboard.entries([result]))
    assert "| 240 + 1,500 on copies |" in " ".join(page.split())
    assert "decisions of training 240 + 1,500 on copies, " in page


def test_the_same_results_make_the_same_page(result, shipped):
    assert leaderboard.page(leaderboard.entries([result])) == leaderboard.page(leaderboard.entries([result]))


def test_a_result_of_another_scenario_is_that_configuration_with_one_setting(livesim, shipped, tmp_path):
    out = tmp_path / "other"
    settings = ["--set", "algorithms=[]", "--set", "baselines=[random,combined]", "--set", "evaluation_seeds=1000:1004"]
    (shipped / "small.yaml").write_text(
        "name: small\nscenario: entertainment\nbaselines: [random, combined]\nevaluation_seeds: '1000:1004'\n"
    )
    assert livesim("run", shipped / "small.yaml", "--set", "scenario=tiny", *settings, "--out", out).exit_code == 0
    versions = json.loads((out / "versions.json").read_text())
    (out / "versions.json").write_text(json.dumps({**versions, "git_commit": COMMIT}))
    assert "experiments/configs/small.yaml --set scenario=tiny` at" in leaderboard.page(leaderboard.entries([out]))


def test_a_result_of_a_changed_configuration_is_refused_with_what_changed(result, shipped):
    text = (shipped / "small.yaml").read_text()
    (shipped / "small.yaml").write_text(text.replace("total_steps: 240", "total_steps: 480"))
    assert "is not what experiments/configs/small.yaml makes (total_steps: 240 there, 480 here)" in refusal(result)


def test_a_result_of_no_committed_configuration_is_refused(result, shipped):
    (shipped / "small.yaml").unlink()
    assert "no committed configuration is named 'small'" in refusal(result)


def test_uncommitted_changes_are_refused_or_marked(finished, shipped, tmp_path):
    dirty = made_at(finished, tmp_path / "dirty", f"{COMMIT}-dirty")
    assert "was made with uncommitted changes on top of 0123456789ab" in refusal(dirty)
    page = leaderboard.page(leaderboard.entries([dirty], allow_dirty=True))
    assert "0123456789ab †" in page
    assert "†: made with more than the commit" in page


def test_a_configuration_that_is_not_committed_is_refused(result, shipped, monkeypatch):
    monkeypatch.setattr(provenance, "is_committed", lambda file: False)
    assert "its configuration is not committed" in refusal(result)


def test_a_run_that_other_software_continued_is_refused(result, shipped):
    versions = json.loads((result / "versions.json").read_text())
    (result / "versions.json").write_text(json.dumps({**versions, "continued_with": ["numpy: 1.0 then, 2.0 now"]}))
    assert "continued with other software" in refusal(result)


def test_a_result_from_outside_a_checkout_is_refused(finished, shipped, tmp_path):
    assert "its commit is unknown" in refusal(made_at(finished, tmp_path / "unknown", None))


def test_all_that_is_wrong_is_said_at_once(result, shipped, tmp_path):
    text = refusal(tmp_path / "none", result, result)
    assert "none: no such result folder" in text
    assert "two results of configuration 'small' in scenario 'tiny': give one" in text


def test_the_page_is_written_once_and_only_when_asked(livesim, result, shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(leaderboard, "PAGE", tmp_path / "leaderboard.md")
    printed = livesim("leaderboard", result)
    assert printed.exit_code == 0, printed.output
    assert not (tmp_path / "leaderboard.md").exists()
    assert "written" in livesim("leaderboard", result, "--write").stdout
    assert (tmp_path / "leaderboard.md").read_text() == printed.stdout
    assert "up to date" in livesim("leaderboard", result, "--write").stdout


def test_git_says_whether_a_file_is_committed_as_it_is(tmp_path):
    import subprocess

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    file = tmp_path / "a.yaml"
    file.write_text("name: a\n")
    assert not provenance.is_committed(file)
    git("init")
    assert not provenance.is_committed(file)
    git("add", "a.yaml")
    git("commit", "-m", "a")
    assert provenance.is_committed(file)
    file.write_text("name: b\n")
    assert not provenance.is_committed(file)
