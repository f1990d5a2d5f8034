"""What each parameter means, and what the methods do: pages made from the model, the plug-ins and conf/.

parameter_reference(Path("conf"))                       # docs/parameters.md
with_methods(Path("README.md").read_text(), conf)       # the README with its table of methods
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from inspect import getdoc
from itertools import takewhile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from maskcon.parameters.flattened import flattened
from maskcon.parameters.model import PICKED_BY_NAME, Parameters
from maskcon.parameters.plugins import MEASURES, METHODS, names_of, plug_in
from maskcon.parameters.values import Group

INTRODUCTION = """\
# Parameters

Set a parameter by its key: `dvc exp run -S loss.w=0.8` for one experiment, `make params SET="loss.w=0.8"` for what
`dvc repro` runs. A group's name picks one of its presets, all values of the group at once: `-S loss=grafit`. Every
preset is a file `conf/GROUP/NAME.yaml`. What one data set needs of a method, where the preset does not do, is in
`conf/loss_on/DATA/LOSS.yaml`; `recipe=paper` leaves it out.

The same key may mean different things to different methods, as `loss.w` does: each method has a table of its own.

A run is recorded under a hash of all its values. Runs that were recorded before values moved into the files of their
methods stay as they are; they have other hashes, so that the same run is trained and recorded anew.

`make params` writes this page from the code and `conf/`.
"""
TITLES = {
    "data": "Images: `data=`",
    "loss": "Method: `loss=`",
    "model": "Encoder: `model=`",
    "train": "Training: `train=`",
    "evaluate": "Evaluation",
    "figures": "Figures",
    "track": "Tracking",
}
METHODS_BEGIN, METHODS_END = "<!-- methods: made by maskcon params -->\n", "<!-- end -->\n"

Values = dict[str, Any]  # by dotted key, such as loss.mixup.weight


def parameter_reference(conf: Path) -> str:
    """The page: a section for each group, a table for each plug-in, a row for each parameter."""
    config = flattened(_read(conf / "config.yaml"))
    sections = [INTRODUCTION, "## The run\n", _table(Parameters, "", {"default": config}), _recipes(conf / "recipe")]
    for group, title in TITLES.items():
        members = _group_of(Parameters.model_fields[group].annotation)
        presets = {file.stem: flattened({group: _read(file)}) for file in sorted((conf / group).glob("[!.]*.yaml"))}
        sections.append(f"## {title}\n")
        if group in PICKED_BY_NAME:
            sections += [_table(members, f"{group}.", {}), *_plug_ins(group, members, presets)]
        else:
            sections.append(_table(members, f"{group}.", presets or {"default": config}))
        if group == "evaluate":
            sections += _measures(config, conf / "measure")
    return "\n".join(sections)


def with_methods(readme: str, conf: Path) -> str:
    """The text with a table of all methods between its two marker comments."""
    before, _, rest = readme.partition(METHODS_BEGIN)
    after = rest.partition(METHODS_END)[2]
    lines = ["| `loss=` | what it does | its own values | source |", "| --- | --- | --- | --- |"]
    for name in METHODS:
        module = plug_in("loss.name", name)
        values = module.Values.model_validate(_read(conf / "loss" / f"{name}.yaml"))
        own = ", ".join(
            f"`{field}`" for field in _own_fields(module.Values, Parameters.model_fields["loss"].annotation)
        )
        lines.append(f"| `{name}` | {_summary(module)} | {own} | {module.build(values).source} |")
    return "".join([before, METHODS_BEGIN, "\n".join(lines), "\n", METHODS_END, after])


def _recipes(folder: Path) -> str:
    """Each with the comment that its file begins with, after the line that Hydra reads."""
    lines = ["### Recipes: `recipe=`\n"]
    for file in sorted(folder.glob("[!.]*.yaml")):
        comment = takewhile(lambda line: line.startswith("#"), file.read_text().splitlines()[1:])
        lines.append(f"- `{file.stem}`: {' '.join(line.removeprefix('# ') for line in comment)}")
    return "\n".join(lines) + "\n"


def _plug_ins(group: str, base: type[Group], presets: Mapping[str, Values]) -> Iterator[str]:
    for name in names_of(f"{group}.name"):
        module = plug_in(f"{group}.name", name)
        of_it = {preset: values for preset, values in presets.items() if values[f"{group}.name"] == name}
        yield f"### {', '.join(f'`{group}={preset}`' for preset in of_it)}\n\n{_summary(module)}\n"
        if own := _own_fields(module.Values, base):
            yield _table(module.Values, f"{group}.", of_it if len(of_it) > 1 else {"preset": of_it.get(name, {})}, own)


def _measures(config: Values, presets: Path) -> Iterator[str]:
    for name in MEASURES:
        module = plug_in("evaluate.measures", name)
        yield f"### Measure `{name}`\n\n{_summary(module)}\n"
        preset = presets / f"{name}.yaml"
        values = flattened({"evaluate": {name: _read(preset)}}) if preset.exists() else config
        yield _table(module.Values, f"evaluate.{name}.", {"default": values})


def _summary(module: Any) -> str:
    """The first sentence of a plug-in's file."""
    return " ".join(getdoc(module).split("\n\n")[0].split())


def _own_fields(values: type[Group], base: Any) -> list[str]:
    return [name for name in values.model_fields if name not in base.model_fields]


# ----------------------------------------------------------------------------------------------------------- the tables


def _table(group: type[Group], above: str, columns: Mapping[str, Values], only: list[str] | None = None) -> str:
    """A row for each value of a group, with what each of the presets says."""
    heads = ["parameter", "meaning", "allowed", *columns]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for key, meaning, allowed in _rows(group, above, only):
        said = [_code(values[key]) if key in values else "" for values in columns.values()]
        lines.append(f"| {' | '.join([f'`{key}`', meaning, allowed, *said])} |")
    return "\n".join(lines) + "\n"


def _rows(group: type[Group], above: str, only: list[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Key, meaning and what is allowed; of a group within a group, the rows of its values."""
    schemas = group.model_json_schema()["properties"]
    for name, field in group.model_fields.items():
        inner = _group_of(field.annotation)
        if only is not None and name not in only:
            continue
        if inner is None:
            yield f"{above}{name}", " ".join((field.description or "").split()), _allowed(schemas[name])
        elif above:  # the groups of the run have sections of their own
            yield from _rows(inner, f"{above}{name}.")


def _group_of(annotation: Any) -> type[Group] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, Group) else None


def _allowed(schema: Mapping[str, Any]) -> str:
    """A JSON schema in words."""
    match schema:
        case {"anyOf": choices}:
            return " or ".join(map(_allowed, choices))
        case {"const": value}:
            return _code(value)
        case {"enum": values}:
            return ", ".join(map(_code, values))
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"type": "integer"}:
            return f"whole number{_range(schema)}"
        case {"type": "number"}:
            return f"number{_range(schema)}"
        case {"type": "array", "items": items}:
            least, most = schema.get("minItems", 0), schema.get("maxItems")
            return f"{most if least == most else 'list'} of: {_allowed(items)}"
        case {"type": "string"}:
            return "name" if "pattern" in schema else "text"
        case {"type": "null"}:
            return "`null`"
    raise ValueError(f"no words for {schema}")


def _range(schema: Mapping[str, Any]) -> str:
    bounds = {
        "minimum": "from {:,}",
        "exclusiveMinimum": "above {:,}",
        "maximum": "to {:,}",
        "exclusiveMaximum": "below {:,}",
    }
    return "".join(f" {words.format(schema[bound])}" for bound, words in bounds.items() if bound in schema)


def _code(value: Any) -> str:
    return f"`{json.dumps(value).strip(chr(34))}`"


def _read(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path.read_text())
