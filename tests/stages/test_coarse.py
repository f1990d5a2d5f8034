"""Stage coarse on a small folder of photos: what it says, what it refuses, and what of its work is kept."""

from pathlib import Path

import pytest

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import load_parameters
from stages import coarse
from tests.images.small_archives import REPOSITORY, photograph, preset


@pytest.fixture
def pack(tmp_path, monkeypatch):
    """Run the stage on ten photos of one class: pack("val", val_share=0.0)."""
    photograph(tmp_path / "source" / "bird")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    whole = load_parameters(REPOSITORY / "params.yaml")

    def run(split: str = "test", **changes) -> None:
        data = preset("folder", tmp_path, raw=str(tmp_path / "source"), **changes)
        evaluate = whole.evaluate.model_copy(update={"split": split})
        coarse.main(whole.model_copy(update={"data": data, "evaluate": evaluate}))

    return run


@pytest.mark.fault
def test_a_part_to_evaluate_without_photos_is_refused_before_training(pack):
    with pytest.raises(UserError, match=r"^evaluate\.split=val, but the part val has 0 images.* raise data\.val_share"):
        pack("val", val_share=0.0)
    pack("val", val_share=0.3)
    pack("test", val_share=0.0)


@pytest.mark.fault
def test_one_class_is_no_classes(pack, capsys):
    pack()
    said = capsys.readouterr().out
    assert "folder/test: 2 images, 1 coarse class\n" in said
    assert "note: these photos are about 8 pixels, enlarged here to 32; recipe=small_photos" in said
    pack(height=23, width=23)
    assert "note:" not in capsys.readouterr().out


@pytest.mark.fault
def test_photos_are_decoded_once_though_one_cannot_be_read(pack, capsys):
    Path("source/bird/torn.png").write_bytes(b"")
    with pytest.raises(UserError, match="photos that cannot be read"):
        pack()
    pack(on_bad_image="skip")
    said = capsys.readouterr().out
    assert "11 of 11 images were done before" in said
    assert "left out, as they cannot be read: 1 photo, see left_out.csv" in said
    assert not [path for path in Path(".scratch").iterdir() if path.is_dir()]
