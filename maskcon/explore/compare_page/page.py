"""The page that lays recorded runs side by side: metrics, curves, and what each finds for the same queries.

    write_comparison(read_runs(store, names, Path(".")), Path("exports/compare.html"))

No script and no address: all names are escaped text.
"""

import base64
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import ascii_uppercase as LETTERS

import numpy as np
import torch
from matplotlib.ticker import MaxNLocator

from maskcon.evaluation.retrieval.neighbours import neighbours_by_chunk
from maskcon.experiments.tables.formats import mean_and_interval, metric_title
from maskcon.explore.compare_page.compared_runs import (
    COARSE,
    FINE,
    LOSS,
    ComparedRun,
    differences,
    differing_parameters,
    metric_names,
    share_images,
)
from maskcon.explore.gallery_page.page import CRISP_PIXELS, MARKER
from maskcon.explore.gallery_page.sprites import make_sprites
from maskcon.figures.drawing import COLUMN_WIDTH, SMALL_SIZE, figure_style, new_figure
from maskcon.figures.palette import CLASS_COLOURS, COARSE_MARKERS, LABEL_STYLES, LineStyle
from maskcon.figures.retrieved_images import choose_queries
from maskcon.figures.training_curves import draw_line
from maskcon.runtime.atomic_files import write_text
from maskcon.runtime.randomness import numpy_generator

HERE = Path(__file__).parent
COLOURS = CLASS_COLOURS[::3] + CLASS_COLOURS[2::3]  # those dark enough for a line
MOST_RUNS = len(COLOURS)
NEIGHBOURS, QUERIES = 10, 8
RETRIEVED = (
    "Left the query, then the nearest test images by each run: a solid frame is its class, a dashed one another."
)
NO_IMAGES = "No retrieved images: data/sets in this folder does not hold them. Make them with: dvc repro coarse"
RIGHT, WRONG = ("right", "✓ "), ("wrong", "✗ ")  # class and mark of a thumbnail
PANELS = {LOSS: "loss", FINE: "Recall@1 (%)", COARSE: "coarse Recall@1 (%)"}


def write_comparison(runs: list[ComparedRun], path: Path) -> None:
    """Write the page of at most MOST_RUNS runs; the first is that which the others are compared with."""
    kept = next((run for run in runs if run.gallery), runs[0])  # the first run with features
    alike = [share_images(kept, run) for run in runs]
    parts = {
        "title": escape(f"{runs[0].parameters.get('data.name', 'MLflow')}: {len(runs)} runs compared"),
        "names": "".join(f"<li>{escape(run.name)} <span class=quiet>{run.run_id[:8]}</span></li>" for run in runs),
        "missing": "".join(f"<p>{escape(line)}</p>" for line in _missing(runs, alike)),
        "metrics": _metrics(runs),
        "values": _values(runs),
        "curves": _curves(runs),
        "retrieved": _retrieved(runs, [place for place, of in enumerate(alike) if of]),
    }
    write_text(path, MARKER.sub(lambda marker: parts[marker[1]], (HERE / "page.html").read_text()))


def _missing(runs: list[ComparedRun], alike: list[bool]) -> Iterable[str]:
    for letter, run, is_alike in zip(LETTERS, runs, alike, strict=False):
        if run.gallery is None:
            yield (
                f"{letter} keeps no features of the test part, as all runs of a grid: it has no paired differences and "
                "no retrieved images. To get them, make it in full: dvc exp run with -S for each of the settings of "
                "the grid's file, for its method, values and seed."
            )
        elif not is_alike:
            yield f"{letter} was measured on other images: it has no paired differences and no retrieved images."


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str], kind: str) -> str:
        return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>"

    return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def _metrics(runs: list[ComparedRun]) -> str:
    names = metric_names(runs)
    columns = {"": [*map(metric_title, names)]}
    for letter, run in zip(LETTERS, runs, strict=False):
        columns[letter] = [mean_and_interval(run.measured(name)) for name in names]
        if run is not runs[0]:
            apart = differences(runs[0], run)
            columns[f"{letter} minus A"] = [mean_and_interval(apart.get(name), "+") for name in names]
    return _table(columns, zip(*columns.values(), strict=True))


def _values(runs: list[ComparedRun]) -> str:
    differing = differing_parameters(runs)
    if not differing:
        return "<p>Nothing: they were made by other code.</p>"
    return _table(["", *LETTERS[: len(runs)]], ([name, *of] for name, of in differing.items()))


def _curves(runs: list[ComparedRun]) -> str:
    return "".join(f'<img alt="{title} by epoch" src="{_panel(runs, name, title)}">' for name, title in PANELS.items())


def _panel(runs: list[ComparedRun], name: str, title: str) -> str:
    """One curve of each run, as the address of an image that holds it."""
    dashes = LABEL_STYLES["coarse" if name == COARSE else "fine"].dashes
    file = io.BytesIO()
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 2.2)
        axes = figure.add_axes((0.1, 0.16, 0.87, 0.62))
        for letter, colour, marker, run in zip(LETTERS, COLOURS, COARSE_MARKERS, runs, strict=False):
            epochs, values = np.array(run.curves.get(name) or np.empty((0, 2))).T
            draw_line(axes, epochs, values * (1 if name == LOSS else 100), LineStyle(colour, dashes, marker), letter)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        figure.legend(
            *axes.get_legend_handles_labels(), loc="upper left", ncols=MOST_RUNS, frameon=False, fontsize=SMALL_SIZE
        )
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"


def _retrieved(runs: list[ComparedRun], pictured: list[int]) -> str:
    """The same queries with what each of the runs ``pictured`` finds."""
    galleries = [runs[place].gallery for place in pictured]
    images = next((one.images for one in galleries if one.images is not None), None)
    if images is None:
        return f"<p>{NO_IMAGES}</p>" if galleries else ""
    labels = galleries[0].labels
    label, class_name = labels.coarse, labels.coarse_name
    if labels.fine is not None:
        label, class_name = labels.fine, labels.fine_name
    found = np.stack([_nearest(one.features) for one in galleries], axis=1)  # [images, runs, neighbours]
    right = label[found[:, :, 0]] == label[:, None]
    disputed = np.flatnonzero(right.any(axis=1) & ~right.all(axis=1))
    generator = numpy_generator(0, "compared queries")
    groups = {
        "Drawn at random": choose_queries(labels.coarse, labels.fine, QUERIES, QUERIES, generator),
        f"The runs disagree: for {len(disputed):,} of {len(labels):,} images some are right first and some are not": (
            np.sort(generator.permutation(disputed)[:QUERIES])
        ),
    }
    queries = np.concatenate(list(groups.values()))
    shown = np.union1d(queries, found[queries])
    sprites = make_sprites(images[shown])

    def thumbnail(image: int, kind: str, mark: str = "") -> str:
        sheet, place = divmod(int(np.searchsorted(shown, image)), sprites.per_sheet)
        row, column = divmod(place, sprites.columns)
        name = escape(str(class_name[image]))
        picture = f'<i class="s{sheet}" style="--column:{column};--row:{row}"></i>'
        return f'<figure class="{kind}" title="{name}">{picture}<figcaption>{mark}{name}</figcaption></figure>'

    def of_query(query: int) -> str:
        rows = [
            "".join(thumbnail(one, *(RIGHT if label[one] == label[query] else WRONG)) for one in row)
            for row in found[query]
        ]
        lines = "".join(f"<div><b>{LETTERS[run]}</b>{row}</div>" for run, row in zip(pictured, rows, strict=True))
        return f"<section>{thumbnail(query, 'query')}<div>{lines}</div></section>"

    crisp = max(images.shape[1:3]) <= CRISP_PIXELS
    size = f"--ratio: {sprites.height / sprites.width}; --columns: {min(sprites.columns, len(shown))}"
    style = f"section {{ {size}; image-rendering: {'pixelated' if crisp else 'auto'}; }}"
    sheets = "".join(f".s{number} {{ background-image: url({uri}); }}" for number, uri in enumerate(sprites.sheets))
    parts = [f"<h3>{title}</h3>{''.join(map(of_query, of))}" for title, of in groups.items() if len(of)]
    return f"<style>{style}{sheets}</style><h2>The same queries</h2><p class=quiet>{RETRIEVED}</p>{''.join(parts)}"


def _nearest(features: np.ndarray) -> np.ndarray:
    """The NEIGHBOURS images nearest to each, nearest first."""
    chunks = neighbours_by_chunk(torch.from_numpy(features), min(NEIGHBOURS, len(features) - 1))
    return torch.cat([found for _, found, _ in chunks]).numpy()
