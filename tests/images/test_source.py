import pytest
from ruamel.yaml import YAML

from maskcon.images.packed.source import source_named
from maskcon.images.sources import digits, two_digits
from maskcon.parameters.errors import UserError


def test_data_sets_by_their_names():
    assert source_named("two_digits") is two_digits
    assert source_named("digits") is digits


@pytest.mark.parametrize("name", ["no_such_set", "packed", "source", "coarse_labels", "../errors"])
def test_what_is_no_data_set_gives_a_sentence(name):
    with pytest.raises(UserError, match=r"data\.name=.* is not a data set"):
        source_named(name)


def test_every_preset_has_its_module_and_its_coarse_labels(repository):
    presets = sorted((repository / "conf" / "data").glob("*.yaml"))
    assert "two_digits" in [preset.stem for preset in presets]
    for preset in presets:
        values = YAML(typ="safe").load(preset.read_text())
        source = source_named(values["name"])
        assert callable(source.download)
        assert callable(source.parts)
        coarse_map = values["coarse_map"].replace("${.name}", values["name"])
        assert (repository / coarse_map.replace("${.coarse_by}", str(values.get("coarse_by")))).is_file()
