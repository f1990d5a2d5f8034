"""docs/parameters.md and README's table of methods: in step with the code and the presets, and without gaps."""

from pathlib import Path

from ruamel.yaml import YAML

from maskcon.parameters.plugins import METHODS
from maskcon.parameters.reference import parameter_reference, with_methods

REPOSITORY = Path(__file__).resolve().parents[2]
CONF = REPOSITORY / "conf"


def cells(page: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in page.splitlines() if line[:3] == "| `"]


def test_the_pages_are_in_step():
    readme = (REPOSITORY / "README.md").read_text()
    assert (REPOSITORY / "docs/parameters.md").read_text() == parameter_reference(CONF), "write it again: make params"
    assert readme == with_methods(readme, CONF), "write it again: make params"
    assert all(f"\n| `{name}` | " in readme for name in METHODS)


def test_every_parameter_has_a_meaning():
    without = [key for key, meaning, *_ in cells(parameter_reference(CONF)) if not meaning]
    assert not without, f"write under these fields what they mean: {without}"


def test_a_row_says_what_is_meant_what_is_allowed_and_what_presets_say():
    page = cells(parameter_reference(CONF))
    rows = {(key, values[-1]): (meaning, *values) for key, meaning, *values in page}
    meaning = "Share of the soft labels in the target; 1 - w stays on the image's own key."
    assert ["`loss.w`", meaning, "number from 0 to 1", "`0.5`"] in page
    assert rows["`loss.mixup.beta`", "`2.0`"][1:] == ("number from 0.05 to 1,000", "`2.0`")
    assert rows["`evaluate.few_shot.shots`", "`[1, 5]`"][1] == "list of: whole number from 1 to 100,000,000"


def test_no_key_of_params_yaml_is_missing():
    shown = {key.strip("`") for key, *_ in cells(parameter_reference(CONF))}
    for group, values in YAML(typ="safe").load((REPOSITORY / "params.yaml").read_text()).items():
        for name, value in values.items() if isinstance(values, dict) else ():
            inner = [f"{group}.{name}.{below}" for below in value] if isinstance(value, dict) else [f"{group}.{name}"]
            assert set(inner) <= shown
