"""The report: all facts of a run gathered into one value, and typeset with typst.

    facts = gather_facts(run, build_method(parameters.loss), provenance(Path.cwd(), os.environ), commands)
    write_report(Path("reports/report.typ"), facts, figures=Path("reports/figures"), path=Path("reports/report.pdf"))

Facts are text ready for print; the template sets them and holds no number. They reach it as JSON strings, so that
a class name or a path is always text and never markup. The one thing read as mathematics is a method's equation.
"""

import json
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import typst

from maskcon.figures.lettering import ELLIPSIS, font_folders
from maskcon.images.packed.image_set import SPLITS
from maskcon.images.packed.left_out import LeftOut, read_left_out
from maskcon.methods.parts.interface import Method
from maskcon.parameters.errors import UserError
from maskcon.parameters.flattened import flattened
from maskcon.parameters.model import Parameters
from maskcon.parameters.sentences import counted
from maskcon.report.measures import file_of, measures_together
from maskcon.runtime.atomic_files import write_atomically

FEATURES = {"trained": None, "untrained": "untrained", "raw pixels": "pixels"}
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
VIEW_WORDS = {"weak": "weakly augmented views", "strong": "strongly augmented views", "whole": "whole images"}
PARAMETER_GROUPS = ("data", "loss", "model", "train", "evaluate", "figures")
METRIC_TITLES = {
    "mean_average_precision_at_r": "mAP@R",
    "coarse_recall_at_1": "coarse R@1",
    "view_retrieval": "view finds view",
}
MEASURE_TITLES = {
    "knn_fine_top_1": "nearest neighbours, fine",
    "knn_coarse_top_1": "nearest neighbours, coarse",
    "linear_fine_top_1": "linear probe, fine",
    "linear_coarse_top_1": "linear probe, coarse",
    "discovery_accuracy": "fine classes discovered",
}
MEASURES_IN_WORDS = {
    "knn": "the vote of the nearest training images",
    "linear": "a linear classifier on frozen features",
    "few_shot": "nearest class means from few examples",
    "discovery": "clusters inside each coarse class matched to the fine classes",
}
FEW_SHOT = re.compile(r"few_shot_(\d+|all)_way_(\d+)_shot")
MOST_LEFT_OUT = 5  # photos or classes that are named
MOST_CLASSES = 40  # coarse ones, in the table: half of them the lowest, half the highest
INTERVAL_LEVEL = "95%"  # of the bootstrap intervals in metrics/retrieval_in_full.json
LONGEST_NAME = 40  # letters of a class name
COLUMN_LETTERS = 48  # of a command, in the template's size for commands
THIN_SPACE = "\u2009"
EN_DASH = "\u2013"
FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"  # Unicode Standard Annex 9


@dataclass(frozen=True)
class FinishedRun:
    """What the stages before have left, read but not yet worded."""

    parameters: Parameters
    pretrain: dict[str, Any]  # metrics/pretrain.json
    retrieval: dict[str, Any]  # metrics/retrieval_in_full.json
    measures: dict[str, Any]  # metrics/measures/NAME_in_full.json, together
    by_coarse_class: pd.DataFrame  # plots/recall_by_coarse_class.csv
    shown: dict[str, Any]  # reports/figures/shown.json
    labels: dict[str, pd.DataFrame]  # by split: labels.csv of the packed set
    left_out: list[LeftOut]  # left_out.csv of the packed set


def read_finished_run(checkout: Path, parameters: Parameters) -> FinishedRun:
    """Raises: UserError, naming the file that is missing or torn and the stage that makes it."""
    packed = checkout / "data/sets" / parameters.data.name
    return FinishedRun(
        parameters=parameters,
        pretrain=_read_json(checkout / "metrics/pretrain.json", "pretrain"),
        retrieval=_read_json(checkout / "metrics/retrieval_in_full.json", "evaluate"),
        measures=measures_together(
            _read_json(checkout / file_of(name), f"measure@{name}") for name in parameters.evaluate.measures
        ),
        by_coarse_class=_read_table(checkout / "plots/recall_by_coarse_class.csv", "evaluate"),
        shown=_read_json(checkout / "reports/figures/shown.json", "figures"),
        labels={split: _read_table(packed / split / "labels.csv", "coarse") for split in SPLITS},
        left_out=read_left_out(packed),
    )


def _read_json(path: Path, stage: str) -> dict[str, Any]:
    return _read(path, stage, lambda: json.loads(path.read_text()))


def _read_table(path: Path, stage: str) -> pd.DataFrame:
    options = {"keep_default_na": False, "na_values": {"fine": [""]}, "dtype": {"coarse_name": str}}
    return _read(path, stage, lambda: pd.read_csv(path, **options))


def _read(path: Path, stage: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); make it again with: dvc repro -f {stage}") from None


def gather_facts(
    run: FinishedRun, method: Method, provenance: Mapping[str, str], commands: Sequence[str]
) -> dict[str, Any]:
    """Everything that the template says, as text; lists and true or false where it chooses what to say.

    Args:
        method: whose title, equation and source are printed.
        provenance: git.commit, git.dirty, version.PACKAGE, platform.
        commands: how to run it again.
    """
    parameters = run.parameters
    return {
        "method": _method_facts(method),
        "dataset": _dataset_facts(run),
        "has_fine": "recall_at_1" in run.retrieval,
        "fine_in_figures": run.shown["fine_classes_on_the_map"] is not None,
        "images_in_part": grouped(run.retrieval.get("images_in_part", run.retrieval["images"])),
        "queries_without_match": grouped(run.retrieval.get("queries_without_match", 0)),
        "split": SPLIT_WORDS[parameters.evaluate.split],
        "interval_level": INTERVAL_LEVEL,
        "bootstrap_samples": grouped(parameters.evaluate.bootstrap_samples),
        "training": _training_facts(run),
        "recall": _recall_facts(run.retrieval, parameters.model.before_training),
        "training_lost": _lost_facts(run.retrieval["gain"]),
        "before_training": before_training(parameters.model.before_training),
        "measures": _measure_facts(run.measures),
        "measures_in_words": _measures_in_words(run.measures),
        "queries_of_unknown_classes": grouped(run.measures.get("queries_of_fine_classes_not_in_train", 0)),
        "by_coarse_class": _coarse_class_facts(run.by_coarse_class),
        "all_coarse_classes": len(run.by_coarse_class) <= MOST_CLASSES,
        "classes_at_either_end": grouped(MOST_CLASSES // 2),
        "shown": {key: grouped(value) if isinstance(value, int) else value for key, value in run.shown.items()},
        "parameters": _parameter_facts(run, provenance),
        "seed": str(parameters.seed),
        "provenance": {
            "commit": provenance.get("git.commit", "unknown")[:12],
            "dirty": provenance.get("git.dirty") == "true",
        },
        "commands": [line for command in commands for line in in_lines(command)],
    }


def _method_facts(method: Method) -> dict[str, Any]:
    mixup = method.mixup and {"weight": f"{method.mixup.weight:g}", "beta": f"{method.mixup.beta:g}"}
    return {
        "title": method.title,
        "equation": method.equation,
        "source": method.source,
        "uses_keys": method.uses_keys,
        "keys_of_the_batch": method.batch_keys,
        "beside": method.extra_head and method.extra_head.in_words,
        "mixup": mixup,
    }


def _dataset_facts(run: FinishedRun) -> dict[str, Any]:
    data = run.parameters.data
    train = run.labels["train"].drop_duplicates("coarse").sort_values("coarse")
    return {
        "name": data.name,
        "height": grouped(data.height),
        "width": grouped(data.width),
        "colour": "colour" if data.channels == 3 else "grey",
        "coarse_classes": grouped(len(train)),
        "coarse_names": [class_name(str(name)) for name in train["coarse_name"]],
        "splits": [_split_facts(split, labels) for split, labels in run.labels.items()],
        "images": {split: grouped(len(labels)) for split, labels in run.labels.items()},
        "evaluated_images": grouped(run.retrieval["images"]),
        "left_out": _left_out_facts(run.left_out),
    }


def _split_facts(split: str, labels: pd.DataFrame) -> dict[str, str]:
    fine = labels["fine"].dropna()
    return {
        "name": SPLIT_WORDS[split],
        "images": grouped(len(labels)),
        "coarse": grouped(labels["coarse"].nunique()),
        "fine": grouped(fine.nunique()) if len(fine) else "none",
    }


def _left_out_facts(left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """How many images are not in the set, the first of them, and how many rows of left_out.csv are not named."""
    first = left_out[:MOST_LEFT_OUT]
    return {
        "images": grouped(sum(one.images for one in left_out)),
        "first": [asdict(one) | {"images": grouped(one.images)} for one in first],
        "more": grouped(len(left_out) - len(first)),
    }


def _training_facts(run: FinishedRun) -> dict[str, str]:
    trained, recipe, model = run.pretrain, run.parameters.train, run.parameters.model
    return {
        "backbone": model.backbone,
        "weights": grouped(trained["weights"]),
        "epochs": grouped(trained["epochs"]),
        "steps": grouped(trained["steps"]),
        "batch_size": grouped(recipe.batch_size),
        "queue_size": grouped(trained["queue_size"]),
        "queue_size_set": grouped(recipe.queue_size),
        "temperature": f"{run.parameters.loss.temperature:g}",
        "key_momentum": f"{recipe.key_momentum:g}",
        "queries_are": VIEW_WORDS[recipe.query_view],
        "keys_are": VIEW_WORDS[recipe.key_view],
        "loss": "none" if trained["loss"] is None else f"{trained['loss']:.3f}",
        "duration": duration(trained["timing"]["seconds"]),
        "images_per_second": grouped(round(trained["timing"]["images_per_second"] or 0)),
        "hardware": _hardware(trained),
    }


def _hardware(trained: Mapping[str, Any]) -> str:
    """The graphics processor's name, or the processor's with the threads in use, and the precision."""
    cpu = f"{trained['hardware']['cpu']}, {counted(trained['threads'], 'thread')}"
    return f"{cpu if trained['device'] == 'cpu' else trained['device']}, {trained['precision']}"


def before_training(name: str) -> str:
    """What the encoder that training started from is called in a sentence."""
    return "untrained encoder" if name == "untrained" else f"encoder {name}"


def _lost_facts(gain: Mapping[str, Any]) -> dict[str, str] | None:
    """Where the encoder was better before training: by how many points, the interval, and the file to use."""
    if gain["high"] >= 0:
        return None
    return {
        "points": f"{-100 * gain['mean']:.1f}",
        "interval": f"{-100 * gain['high']:.1f} to {-100 * gain['low']:.1f}",
        "instead": gain["instead"],
    }


def _recall_facts(retrieval: Mapping[str, Any], before: str) -> dict[str, Any]:
    """The table: a row for each kind of features, a column for each metric that all of them have."""
    names = {before if key == "untrained" else name: key for name, key in FEATURES.items()}
    if "whitened" in retrieval:
        names[f"{before}, whitened"] = "whitened"
    blocks = {name: retrieval if key is None else retrieval[key] for name, key in names.items()}
    metrics = [key for key in retrieval if key.startswith("recall_at_")]
    metrics += [key for key in METRIC_TITLES if all(key in block for block in blocks.values())]
    columns = [_side_by_side(list(blocks.values()), metric) for metric in metrics]
    return {
        "columns": [_metric_title(metric) for metric in metrics],
        "rows": [
            {"features": name, "cells": [column[place] for column in columns]} for place, name in enumerate(blocks)
        ],
        "coarse": [_share_with_interval(block, "coarse_recall_at_1") for block in blocks.values()],
    }


def _measure_facts(measures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each measure that was taken, a cell for each kind of features."""
    blocks = [measures if key is None else measures[key] for key in FEATURES.values()]
    return [{"measure": measure_title(name), "cells": _side_by_side(blocks, name)} for name in measures["interval"]]


def _measures_in_words(measures: Mapping[str, Any]) -> str:
    taken = [
        words for kind, words in MEASURES_IN_WORDS.items() if any(n.startswith(kind) for n in measures["interval"])
    ]
    return " and ".join([", ".join(taken[:-1]), taken[-1]] if len(taken) > 1 else taken)


def measure_title(name: str) -> str:
    """'few_shot_5_way_1_shot' -> 'few shots, 5 ways, 1 shot'; a measure without a title has its name's words."""
    if few_shot := FEW_SHOT.fullmatch(name):
        ways, shots = few_shot.groups()
        return f"few shots, {ways} ways, {counted(int(shots), 'shot')}"
    return MEASURE_TITLES.get(name, name.replace("_", " "))


def _metric_title(metric: str) -> str:
    return METRIC_TITLES.get(metric) or metric.replace("recall_at_", "R@")


def _side_by_side(blocks: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, Any]]:
    """A cell for each kind of features; the highest as it is printed is marked, and what equals it."""
    cells = [_share_with_interval(block, metric) for block in blocks]
    highest = max(float(cell["value"]) for cell in cells)
    return [cell | {"highest": float(cell["value"]) == highest} for cell in cells]


def _share_with_interval(block: Mapping[str, Any], metric: str) -> dict[str, str]:
    interval = block["interval"][metric]
    return {"value": percent(block[metric]), "interval": percent_range(interval["low"], interval["high"])}


def _coarse_class_facts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each coarse class: Recall@1 of fine labels where there are any, else of coarse ones.

    Of very many classes those at either end, the lowest first.
    """
    metric = "recall_at_1" if "recall_at_1" in table else "coarse_recall_at_1"
    if len(table) > MOST_CLASSES:
        rising = table.sort_values(metric, kind="stable")
        table = pd.concat([rising.head(MOST_CLASSES // 2), rising.tail(MOST_CLASSES // 2)])
    return [
        {
            "name": class_name(str(row["coarse_name"])),
            "images": grouped(row["images"]),
            "share": float(row[metric]),
            "value": percent(row[metric]),
            "interval": percent_range(row["low"], row["high"]),
        }
        for row in table.to_dict("records")
    ]


def _parameter_facts(run: FinishedRun, provenance: Mapping[str, str]) -> list[dict[str, Any]]:
    """The parameters by group as params.yaml has them, then seed and recipe, then what the run ran on."""
    values = run.parameters.model_dump()
    groups = [{"group": group, "rows": _parameter_rows(values[group])} for group in PARAMETER_GROUPS]
    groups.append({"group": "run", "rows": _parameter_rows({key: values[key] for key in ("seed", "recipe")})})
    groups.append({"group": "versions", "rows": _version_rows(provenance)})
    return groups


def _version_rows(provenance: Mapping[str, str]) -> list[dict[str, str]]:
    prefix = "version."
    rows = [
        {"key": key.removeprefix(prefix), "value": value} for key, value in provenance.items() if key.startswith(prefix)
    ]
    return [*rows, {"key": "platform", "value": provenance.get("platform", "unknown")}]


def _parameter_rows(group: Mapping[str, Any]) -> list[dict[str, str]]:
    rows = sorted(flattened(group).items(), key=lambda item: item[0] != "name")  # the name before its values
    return [{"key": key, "value": _parameter_value(value)} for key, value in rows if value is not None]


def _parameter_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(_parameter_value, value))
    return str(value)


def in_lines(command: str) -> list[str]:
    """A command broken where an option begins, so that no line is longer than a column unless a single option is.

    Every line but the last ends with a backslash: pasted into a shell they are the one command.
    """
    if " -S " not in command:
        return [command]
    lines = [""]
    words = iter(shlex.split(command))
    for word in words:
        part = f"-S {shlex.quote(next(words))}" if word == "-S" else shlex.quote(word)
        longer = f"{lines[-1]} {part}" if lines[-1] else part
        if word != "-S" or len(f"{longer} \\") <= COLUMN_LETTERS:
            lines[-1] = longer
        else:
            lines.append(part)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def class_name(name: str) -> str:
    """A class name as it stands in a line: shortened where it is long, its direction of writing its own."""
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME * 2 // 3].rstrip()}{ELLIPSIS}{name[-LONGEST_NAME // 3 :].lstrip()}"
    return name if name.isascii() else f"{FIRST_STRONG_ISOLATE}{name}{POP_DIRECTIONAL_ISOLATE}"


def percent(share: float) -> str:
    """0.9624 -> '96.2'."""
    return f"{100 * share:.1f}"


def percent_range(low: float, high: float) -> str:
    """0.951, 0.972 -> '95.1' and '97.2' around an en dash."""
    return f"{percent(low)}{EN_DASH}{percent(high)}"


def grouped(number: int) -> str:
    """12345 -> '12 345' with a thin space; four digits stay together."""
    return str(number) if abs(number) < 10_000 else f"{number:,}".replace(",", THIN_SPACE)


def duration(seconds: float) -> str:
    """61.5 -> '1 min 2 s'; hours without seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{grouped(hours)} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def write_report(template: Path, facts: Mapping[str, Any], figures: Path, path: Path) -> None:
    """Typeset the PDF, with no fonts but typst's and the figures', so that it looks the same everywhere."""
    write_atomically(path, lambda file: file.write(typeset(template, facts, figures)))


def typeset(template: Path, facts: Mapping[str, Any], figures: Path, **options: Any) -> Any:
    """The typeset report: bytes of a PDF, or of each page with format="png".

    Args:
        figures: folder of the PDF figures.
        options: of typst.compile, such as format="png" and ppi.
    """
    root = Path(os.path.commonpath([template.resolve().parent, figures.resolve()]))
    inputs = {"facts": json.dumps(facts), "figures": f"/{figures.resolve().relative_to(root).as_posix()}"}
    return typst.compile(
        template, root=root, sys_inputs=inputs, ignore_system_fonts=True, font_paths=font_folders(), **options
    )
