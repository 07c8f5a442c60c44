"""Pages about finished runs: one file, everything in it, readable on a phone, never in place of another."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from experiments.result_page import figures
from experiments.result_page.contents import read
from experiments.result_page.page import html_page, markdown_page
from livesim.errors import ConfigError

OUTSIDE = re.compile(r"""(?:src|href)\s*=\s*["'](?!#|data:)|url\((?!#)|@import|<script|<link""")


class Elements(HTMLParser):
    """Every id, and what is inside an element of class scroll."""

    VOID = ("meta", "br", "img", "path", "use", "rect")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.tables_in_scroll, self.tables = 0, 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "table":
            self.tables += 1
            self.tables_in_scroll += any(kind == "scroll" for _, kind in self.open)
        if tag not in self.VOID:
            self.open.append((tag, found.get("class", "")))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            while self.open.pop()[0] != tag:
                pass


@pytest.fixture(scope="module")
def contents(finished):
    return read(finished)


@pytest.fixture(scope="module")
def page(contents):
    return html_page([contents])


@pytest.fixture
def plain(monkeypatch):
    """Pages without figures, which take most of the time."""
    monkeypatch.setattr(figures, "draw", lambda contents, name, prefix: "")


def test_a_page_needs_nothing_from_outside_itself(page):
    assert not OUTSIDE.findall(page)
    assert page.count("<svg") == 4


def test_no_two_elements_of_a_page_share_an_id_even_with_two_runs(contents):
    elements = Elements(html_page([contents, contents]))
    assert len(elements.ids) == len(set(elements.ids))
    assert len(elements.ids) > 20


def test_every_reference_inside_a_figure_is_to_an_element_of_the_page(page):
    ids = set(Elements(page).ids)
    wanted = set(re.findall(r'url\(#([^)"]+)\)|href="#([^"]+)"', page))
    assert {first or second for first, second in wanted} <= ids


def test_tables_scroll_inside_their_box_and_the_page_fits_a_phone(page):
    elements = Elements(page)
    assert elements.tables == elements.tables_in_scroll > 5
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "font: 16px/" in page
    assert not re.search(r"<svg[^>]* width=", page)


def test_a_page_says_what_was_asked_found_and_how_to_make_it_again(page, contents):
    commit = contents.versions["git_commit"].removesuffix("-dirty")
    for text in (
        "livesim/Room-v0", "tiny", "training seeds 0:2", "seeds 1000:1008", "minus combined", "Training seeds",
        "If trained again", "Performance profile", "Learning curve", "gifts", "viewers, peak", "ad min/h", "stalled, %",
        "mid_roll_30", "total_steps: 240", "simulator_source", f"git checkout {commit}", "livesim run small.yaml",
        "all 6 pairs",
    ):  # fmt: skip
        assert text in page, text


def test_markdown_and_html_hold_the_same_tables(page, contents):
    markdown = markdown_page([contents])
    rows = [line for line in markdown.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == page.count("<tr>")


def test_text_of_a_configuration_is_shown_and_never_run(finished, tmp_path, plain):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    text = (copy / "config.yaml").read_text().replace("description: ''", "description: <script>alert(1)</script>")
    (copy / "config.yaml").write_text(text)
    page = html_page([read(copy)])
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_report_a_run_leaves_is_the_one_the_command_writes(livesim, finished, plain):
    before = (finished / "report.md").read_bytes()
    first = livesim("report", finished)
    assert first.exit_code == 0, first.output
    assert f"{finished / 'report.html'}: written" in first.stdout
    assert f"{finished / 'report.md'}: up to date" in first.stdout
    assert (finished / "report.md").read_bytes() == before
    again = livesim("report", finished)
    assert f"{finished / 'report.html'}: up to date" in again.stdout


def test_a_page_never_takes_the_place_of_another_file(livesim, finished, tmp_path, plain):
    (tmp_path / "thesis.html").write_text("precious")
    refused = livesim("report", finished, "--out", tmp_path / "thesis.html")
    assert refused.exit_code == 2
    assert "thesis.html: exists; nothing was changed. Replace it with --force" in refused.stderr
    assert (tmp_path / "thesis.html").read_text() == "precious"
    assert not (tmp_path / "thesis.md").exists()
    forced = livesim("report", finished, "--out", tmp_path / "thesis.html", "--force")
    assert forced.exit_code == 0, forced.output
    assert (tmp_path / "thesis.html").read_text().startswith("<!doctype html>")


def test_several_runs_make_one_page_with_an_overview_on_top(livesim, finished, tmp_path, plain):
    result = livesim("report", finished, finished, "--out", tmp_path / "both.html")
    assert result.exit_code == 0, result.output
    page, markdown = (tmp_path / "both.html").read_text(), (tmp_path / "both.md").read_text()
    assert page.index("experiment: policy") < page.index('id="experiment-1"') < page.index('id="experiment-2"')
    assert markdown.startswith("# small, small\n\n| experiment: policy")
    assert "small: PPO" in markdown


def test_several_runs_ask_for_a_place(livesim, finished):
    result = livesim("report", finished, finished)
    assert result.exit_code == 2
    assert "say where it goes with --out FILE.html" in result.stderr


def test_a_page_is_html(livesim, finished, tmp_path):
    result = livesim("report", finished, "--out", tmp_path / "page.pdf")
    assert result.exit_code == 2
    assert "name a file that ends with .html" in result.stderr


def test_an_unfinished_run_is_named_with_the_command_that_finishes_it(livesim, finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    status = json.loads((copy / "status.json").read_text())
    (copy / "status.json").write_text(json.dumps({**status, "state": "interrupted"}))
    result = livesim("report", copy)
    assert result.exit_code == 2
    assert f"{copy}: is not finished (state: interrupted)." in result.stderr
    assert f"livesim run {copy / 'config.yaml'} --out {copy} --resume" in result.stderr


def test_a_folder_without_a_result_is_named(livesim, tmp_path):
    result = livesim("report", tmp_path / "none")
    assert result.exit_code == 2
    assert "none: no such result folder" in result.stderr


def test_rules_alone_make_a_page_without_learning_curves(livesim, tiny_file, tmp_path):
    out = tmp_path / "rules"
    settings = ["--set", "algorithms=[]", "--set", "baselines=[nothing,combined]"]  # no random: no scale either
    assert livesim("run", tiny_file, *settings, "--out", out).exit_code == 0
    result = livesim("report", out)
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "Learning curve" not in page


def test_a_page_without_matplotlib_says_what_to_install(contents, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"a page with figures needs the extra 'train' .*'livesim\[train\]'"):
        figures.draw(contents, "profile", "f1")


def test_a_figure_is_the_same_every_time(contents):
    assert figures.draw(contents, "differences", "f1") == figures.draw(contents, "differences", "f1")
