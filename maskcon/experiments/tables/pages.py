"""Tables in pages that people read, filled from the exported rows of a study.

    fill_page(Path("docs/results.md"), Path("reports/studies"), published)

A page says what it shows, by a comment, the header and the first cell of each line; the other cells are filled in:

    <!-- cifartoy/cifartoy_good_jpeg: Recall@1, minus grafit -->
    | method | mean ± sd | minus Grafit |
    |---|---|---|
    | MaskCon | | |

The table is that section of reports/studies/cifartoy/cifartoy_good_jpeg.md, its differences to the method named.
What no runs made is shown whole: below <!-- recipe/soft_labels --> the table of reports/studies/recipe/soft_labels.md.
"""

import functools
import re
from pathlib import Path

import pandas as pd

from maskcon.experiments.tables.comparison import Question
from maskcon.experiments.tables.formats import Section, markdown_cells, overview
from maskcon.experiments.tables.published import Figures
from maskcon.experiments.tables.runs import RUNS, read_export
from maskcon.experiments.tables.writing import compare_each, sections_of
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_text

SHOWN = re.compile(
    r"<!-- (?P<study>\w+)/(?P<dataset>\w+): (?P<title>[^,]+?)(?:, minus (?P<baseline>\w+))? -->\n(?P<lines>(?:\|.*\n)+)"
)
WHOLE = re.compile(r"(?P<comment><!-- (?P<file>\w+/\w+) -->\n)(?:\|.*\n)+")
OVERVIEW = "overview"  # in place of a data set: all of them, one column each


def fill_page(page: Path, studies: Path, published: Figures) -> None:
    """Raises: UserError, where the page cannot be read, or as ``filled``."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{page} cannot be read ({error}); name a Markdown file") from None
    if not SHOWN.search(text):
        raise UserError(f"{page} shows no table of a study; it would begin with <!-- STUDY/DATASET: Recall@1 -->")
    write_text(page, filled(text, studies, published))


def filled(page: str, studies: Path, published: Figures) -> str:
    """The page with its tables as they are by the rows.

    Raises:
        UserError: the page names a study, table, line or column that there is not.
    """

    @functools.cache
    def sections(study: str, baseline: str | None) -> dict[str, list[Section]]:
        return _sections(studies / study, baseline, published)

    def table(shown: re.Match) -> str:
        here = f"{shown['study']}/{shown['dataset']}: {shown['title']}"
        there = sections(shown["study"], shown["baseline"])
        of_dataset = there.get(shown["dataset"], [])
        own = [one for one in of_dataset if one.title == shown["title"]]
        if not own:
            known = [one.title for one in of_dataset] or there
            raise UserError(f"<!-- {here} --> is no table; there are {', '.join(known)}")
        comment = shown[0].partition("\n")[0]
        return f"{comment}\n{_filled_lines(shown['lines'].splitlines(), markdown_cells(own[0]), here)}"

    return WHOLE.sub(
        lambda shown: shown["comment"] + _table_in(studies / f"{shown['file']}.md"), SHOWN.sub(table, page)
    )


def _table_in(file: Path) -> str:
    try:
        return "".join(line for line in file.read_text().splitlines(keepends=True) if line.startswith("|"))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); a page shows its table") from None


def _sections(study: Path, baseline: str | None, published: Figures) -> dict[str, list[Section]]:
    runs = read_export(study)
    tables, _ = compare_each(runs, metrics_of(study), Question(baseline), published)
    by_dataset = {dataset: sections_of(of) for dataset, of in tables.items()}
    return {**by_dataset, OVERVIEW: [overview([first for first, *_ in tables.values()])]}


def metrics_of(study: Path) -> tuple[str, ...]:
    """Those of its tables, in their order."""
    tables = sorted(path for path in study.glob("*.csv") if path.name != RUNS)
    if not tables:
        raise UserError(f"{study} has no tables; write them with: maskcon tables --rows {study} --out {study}")
    return tuple(pd.read_csv(tables[0])["metric"].unique())


def _filled_lines(lines: list[str], cells: pd.DataFrame, here: str) -> str:
    header, rule, *rows = lines
    names = _cells_of(header)
    by_first = cells.set_index(cells.columns[0], drop=False)
    first = [_cells_of(row)[0] for row in rows]
    if unknown := [name for name in names if name not in cells] + [
        name for name in first if name not in by_first.index
    ]:
        raise UserError(f"<!-- {here} --> has no {', '.join(unknown)}")
    return "\n".join([header, rule, *(_line(by_first.loc[name, names]) for name in first)]) + "\n"


def _cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _line(cells: pd.Series) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"
