import os

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


def test_what_dvc_would_stumble_over_is_refused_before(tmp_path):
    check_source(preset("cifar100", tmp_path))  # has nothing to check
    data = preset("folder", tmp_path)
    check_source(data)
    os.mkfifo(tmp_path / "source" / ".pipe")
    with pytest.raises(UserError, match=r"cannot be used yet\npipes, .*\(1\): \.pipe; remove them"):
        check_source(data)
