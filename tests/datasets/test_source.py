import pytest

from maskcon.datasets import digits, two_digits
from maskcon.datasets.source import source_named
from maskcon.errors import UserError


def test_data_sets_by_their_names():
    assert source_named("two_digits") is two_digits
    assert source_named("digits") is digits


@pytest.mark.parametrize("name", ["no_such_set", "packed", "source", "coarse_labels", "../errors", "__init__"])
def test_what_is_no_data_set_gives_a_sentence(name):
    with pytest.raises(UserError, match=r"data\.name=.* is no data set"):
        source_named(name)


def test_every_preset_has_its_module_and_its_coarse_labels(repository):
    presets = [file.stem for file in (repository / "conf" / "data").glob("*.yaml")]
    assert "two_digits" in presets
    for name in presets:
        source = source_named(name)
        assert callable(source.download)
        assert callable(source.parts)
        assert (repository / "coarse_labels" / f"{name}.csv").is_file()
