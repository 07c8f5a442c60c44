"""Pages about finished experiments: one self-contained HTML file, and the same text and tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from agents.extra import missing_extra
from agents.files import write_text
from experiments.report import Table
from experiments.result_page import figures
from experiments.result_page.contents import Contents
from experiments.result_page.tables import Section, asked, sections
from experiments.standings import STANDING_HEADER, STANDING_TEXT, standing_cells, standings
from livesim.errors import ResultFolderError

TEMPLATE = "page.html.j2"


def title(pages: Sequence[Contents]) -> str:
    """Return what the page is about."""
    return ", ".join(contents.config.name for contents in pages)


def overview(pages: Sequence[Contents]) -> Table:
    """Return a row per learner of every experiment (its best rule where nothing was learned), against the best rule."""
    rows = []
    for contents in pages:
        found = standings(contents.comparison)
        for policy, *cells in standing_cells([one for one in found if one.is_learner] or found[:1]):
            place = [contents.config.environment, contents.config.scenario]
            rows.append([f"{contents.config.name}: {policy}", *cells, *place])
    return Table(["experiment: policy", *STANDING_HEADER[1:], "environment", "scenario"], rows)


def markdown_page(pages: Sequence[Contents]) -> str:
    """Return text and tables of every experiment, the overview first where there are several."""
    parts = []
    if len(pages) > 1:
        parts += [f"# {title(pages)}", overview(pages).markdown(), STANDING_TEXT]
    for contents in pages:
        parts += [f"# {contents.config.name}", contents.config.description]
        parts.append("\n".join(f"- **{name}**: {value}" for name, value in _facts(contents)))
        for section in sections(contents):
            parts += _markdown(section)
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(contents: Contents) -> list[tuple[str, str]]:
    return [*asked(contents.config), ("commit", contents.origin.short)]


def _markdown(section: Section) -> list[str]:
    code = f"```\n{section.code.rstrip()}\n```" if section.code else ""
    return [f"## {section.title}", section.text, section.table.markdown() if section.table else "", code]


def html_page(pages: Sequence[Contents]) -> str:
    """Return the whole page; raises ConfigError without matplotlib or jinja2."""
    try:
        import jinja2
    except ImportError as error:
        raise missing_extra(error, "a page") from None
    source = files("experiments.result_page").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(
        title=title(pages),
        overview=overview(pages) if len(pages) > 1 else None,
        overview_text=STANDING_TEXT,
        experiments=[_experiment(contents, number) for number, contents in enumerate(pages, start=1)],
    )


def _experiment(contents: Contents, number: int) -> dict[str, Any]:
    return {
        "id": f"experiment-{number}",
        "name": contents.config.name,
        "description": contents.config.description,
        "facts": _facts(contents),
        "sections": [
            {
                "section": section,
                "svg": figures.draw(contents, section.figure, f"f{number}{section.figure}") if section.figure else "",
                "caption": figures.CAPTIONS.get(section.figure, ""),
            }
            for section in sections(contents)
        ],
    }


def write_pages(pages: Sequence[Contents], html: Path, force: bool) -> list[tuple[Path, bool]]:
    """Write the HTML file and the Markdown beside it; return (path, whether it changed).

    Raises ResultFolderError, before anything is written, where other text lies in their place and `force` is False.
    """
    texts = {html: html_page(pages), html.with_suffix(".md"): markdown_page(pages)}
    changed = {path: not path.is_file() or path.read_text(encoding="utf-8") != text for path, text in texts.items()}
    taken = [path for path, is_new in changed.items() if is_new and path.exists()]
    if taken and not force:
        names = " and ".join(str(path) for path in taken)
        raise ResultFolderError(
            f"{names}: exists; nothing was changed. Replace it with --force or write elsewhere with --out FILE.html."
        )
    for path, text in texts.items():
        if changed[path]:
            write_text(path, text)
    return list(changed.items())
