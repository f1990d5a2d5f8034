import pytest
from ruamel.yaml import YAML

from maskcon.images.reading.source import check_source
from maskcon.parameters.errors import UserError
from maskcon.parameters.plugins import plug_in
from tests.images.small_archives import preset


def test_every_preset_has_its_module_and_its_coarse_labels(repository):
    presets = sorted((repository / "conf" / "data").glob("*.yaml"))
    assert "two_digits" in [preset.stem for preset in presets]
    for path in presets:
        values = YAML(typ="safe").load(path.read_text())
        source = plug_in("data.name", values["name"])
        assert callable(source.download)
        assert callable(source.splits)
        coarse_map = values["coarse_map"].replace("${.name}", values["name"])
        assert (repository / coarse_map.replace("${.coarse_by}", str(values.get("coarse_by")))).is_file()


def test_a_folder_that_is_not_there_is_refused_before_dvc_looks_for_it(tmp_path):
    check_source(preset("cifar100", tmp_path))  # has nothing to check
    data = preset("folder", tmp_path)
    check_source(data)
    (tmp_path / "source").rmdir()
    with pytest.raises(UserError, match=r"data\.root=.*source is not a folder"):
        check_source(data)
