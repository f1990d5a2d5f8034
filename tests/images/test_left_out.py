import pytest

from maskcon.images.packed.left_out import FILE, LeftOut, read_left_out, write_left_out
from maskcon.parameters.errors import UserError

SOME = [LeftOut('a, "b".jpg', 1, "is empty"), LeftOut("NA", 6000, "has no coarse class in data.coarse_map")]


def test_what_was_written_is_read_and_nothing_left_out_is_no_file(tmp_path):
    write_left_out(tmp_path, [])
    assert read_left_out(tmp_path) == []
    write_left_out(tmp_path, SOME)
    assert read_left_out(tmp_path) == SOME
    write_left_out(tmp_path, [])
    assert not (tmp_path / FILE).exists()


@pytest.mark.fault
@pytest.mark.parametrize("content", ["", "source,reason\na,b\n", "source,images,reason\na,many,b\n"])
def test_another_table_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UserError, match=r"left_out\.csv cannot be read .*dvc repro -f coarse"):
        read_left_out(tmp_path)
