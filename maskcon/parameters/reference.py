"""What each parameter means, as a page: docs/parameters.md, made from the typed model and the presets of conf/.

    parameter_reference(Path("conf"))       # Markdown

The meaning is the text under a field of the model, what is allowed is its type, and the values are those of
the presets: nothing here has to be kept in step by hand.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML

from maskcon.parameters.model import Group, Parameters

INTRODUCTION = """\
# Parameters

A parameter is set by its key: `dvc exp run -S loss.w=0.8` for one experiment, `make params SET="loss.w=0.8"` for what
`dvc repro` runs. A group's name picks one of its presets, all values of the group at once: `-S loss=grafit`.

The column *default* is what `params.yaml` holds unless something is picked; *elsewhere* is what other presets say that
differs. This page is made by `make params` from `maskcon/parameters/model.py` and `conf/`: edit those.
"""
TITLES = {
    "": "The run",
    "data": "Images: `data=`",
    "loss": "Method: `loss=`",
    "model": "Encoder: `model=`",
    "train": "Training: `train=`",
    "evaluate": "Evaluation",
    "figures": "Figures",
    "track": "Tracking",
}
NOT_USED = "not used"

Values = dict[str, Any]  # by dotted key, such as loss.mixup.weight


@dataclass(frozen=True)
class Entry:
    """One parameter, as one group of the model has it."""

    key: str  # dotted
    meaning: str
    allowed: str


def parameter_reference(conf: Path) -> str:
    """The page: a table for each group, a row for each parameter."""
    defaults, chosen = _defaults(conf)
    recipes = {f"recipe={name}": values for name, values in _presets(conf, "recipe").items()}
    groups = {name: _groups_in(field.annotation) for name, field in Parameters.model_fields.items()}

    of_the_run = {entry: () for entry in _entries("", Parameters) if "." not in entry.key}
    sections = [_section("", of_the_run, defaults, {})]
    for name in (name for name, members in groups.items() if members):
        presets = {preset: values for preset, values in _presets(conf, name).items() if preset != chosen.get(name)}
        sections.append(_section(name, _entries_of_members(name, groups[name]), defaults, presets | recipes))
    return "\n".join([INTRODUCTION, *sections])


# ------------------------------------------------------------------------------------------------ values, from conf/


def _defaults(conf: Path) -> tuple[Values, dict[str, str]]:
    """What config.yaml says with the presets that it picks, and their names by group."""
    values = _read(conf / "config.yaml")
    chosen = {group: name for choice in values.pop("defaults") if choice != "_self_" for group, name in choice.items()}
    of_presets = [_presets(conf, group)[name] for group, name in chosen.items()]
    return {key: value for one in [*of_presets, _dotted(values)] for key, value in one.items()}, chosen


def _presets(conf: Path, group: str) -> dict[str, Values]:
    """What the presets of a group say; those of recipe say values of all groups."""
    above = "" if group == "recipe" else f"{group}."
    found = {}
    for file in sorted((conf / group).glob("*.yaml")):
        values = _read(file)
        picked = [
            (key.removeprefix("override /"), name) for one in values.pop("defaults", []) for key, name in one.items()
        ]
        found[file.stem] = {f"{other}.name": name for other, name in picked} | _dotted(values, above)
    return found


def _read(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path.read_text())


def _dotted(values: Mapping[str, Any], above: str = "") -> Values:
    flat: Values = {}
    for key, value in values.items():
        flat |= _dotted(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return flat


# ------------------------------------------------------------------------------------- parameters, from the typed model


def _groups_in(annotation: Any) -> list[type[Group]]:
    """The groups that an annotation is made of: one, or the members of a union, or none."""
    if isinstance(annotation, type) and issubclass(annotation, Group):
        return [annotation]
    return [group for part in get_args(annotation) for group in _groups_in(part)]


def _entries_of_members(above: str, members: list[type[Group]]) -> dict[Entry, tuple[str, ...]]:
    """Each entry of a group, and where the group is a union the names that pick the members which have it."""
    names_of: dict[Entry, tuple[str, ...]] = {}
    for member in members:
        names = get_args(member.model_fields["name"].annotation) if len(members) > 1 else ()
        for entry in _entries(f"{above}.", member):
            names_of[entry] = names_of.get(entry, ()) + names
    if len(members) > 1:  # a name is one parameter, whatever each member allows it to be
        of_name = [entry for entry in names_of if entry.key == f"{above}.name"]
        names = tuple(name for entry in of_name for name in names_of.pop(entry))
        names_of = {replace(of_name[0], allowed=", ".join(map(_code, names))): names, **names_of}
    order = list(dict.fromkeys(entry.key for entry in names_of))
    return dict(sorted(names_of.items(), key=lambda pair: order.index(pair[0].key)))


def _entries(above: str, group: type[Group]) -> Iterator[Entry]:
    """The parameters of a group that take a value, in the model's order, those of a group within it at its place."""
    schemas = group.model_json_schema()["properties"]
    for name, field in group.model_fields.items():
        within = _groups_in(field.annotation)
        can_be_null = type(None) in get_args(field.annotation)
        if field.annotation is not type(None) and (not within or can_be_null):
            yield Entry(f"{above}{name}", _meaning(group, name), _allowed(schemas[name]))
        for one in within:
            yield from _entries(f"{above}{name}.", one)


def _meaning(group: type[Group], name: str) -> str:
    """The text under the field, in the group itself or in the nearest that it extends."""
    fields = [base.model_fields[name] for base in group.__mro__ if name in getattr(base, "model_fields", {})]
    described = [field.description for field in fields if field.description]
    return " ".join(described[0].split()) if described else ""


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
        case {"$ref": _}:
            return "the values below"
    raise ValueError(f"no words for {schema}")


def _range(schema: Mapping[str, Any]) -> str:
    bounds = {
        "minimum": "from {:,}",
        "exclusiveMinimum": "above {:,}",
        "maximum": "to {:,}",
        "exclusiveMaximum": "below {:,}",
    }
    return "".join(f" {words.format(schema[bound])}" for bound, words in bounds.items() if bound in schema)


# ------------------------------------------------------------------------------------------------------------ Markdown


def _section(
    group: str, entries: Mapping[Entry, tuple[str, ...]], defaults: Values, presets: Mapping[str, Values]
) -> str:
    """A heading and a table; of an entry that some members of a union have, the others' presets say nothing."""
    keys = [entry.key for entry in entries]
    lines = [
        f"## {TITLES[group]}\n",
        "| parameter | meaning | allowed | default | elsewhere |",
        "| --- | --- | --- | --- | --- |",
    ]
    for entry, names in entries.items():
        speaking = {
            preset: values[entry.key]
            for preset, values in {"": defaults, **presets}.items()
            if entry.key in values and (not names or values.get(f"{group}.name") in names)
        }
        default = _code(speaking.pop("")) if "" in speaking else NOT_USED
        elsewhere = [] if entry.key == f"{group}.name" else _by_value(speaking, default)
        several = keys.count(entry.key) > 1
        meaning = f"{', '.join(names)}: {entry.meaning}" if several else entry.meaning
        cells = [f"`{entry.key}`", meaning, entry.allowed, default, "; ".join(elsewhere)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _by_value(said: Values, default: str) -> list[str]:
    """Each value other than the default's, with the presets that say it."""
    presets_of: dict[str, list[str]] = {}
    for preset, value in said.items():
        if _code(value) != default:
            presets_of.setdefault(_code(value), []).append(preset)
    return [f"{value} {', '.join(presets)}" for value, presets in presets_of.items()]


def _code(value: Any) -> str:
    return f"`{json.dumps(value).strip(chr(34))}`"
