import pytest
from filelock import Timeout

from maskcon.scratch import scratch_folder


def test_same_training_finds_its_folder_again(tmp_path):
    with scratch_folder(tmp_path / "scratch", "a") as folder:
        (folder / "state").write_text("epoch 3")
    with scratch_folder(tmp_path / "scratch", "a") as again:
        assert (again / "state").read_text() == "epoch 3"
    with scratch_folder(tmp_path / "scratch", "b") as other:
        assert not list(other.iterdir())


def test_same_training_twice_at_once_has_two_folders(tmp_path):
    with scratch_folder(tmp_path, "a") as first, scratch_folder(tmp_path, "a") as second:
        assert first != second
    with scratch_folder(tmp_path, "a") as again:
        assert again == first


@pytest.mark.parametrize("error", [KeyboardInterrupt, Timeout("the lock of something else")])
def test_what_goes_wrong_inside_comes_out_as_it_is(tmp_path, error):
    with pytest.raises(type(error) if isinstance(error, Exception) else error), scratch_folder(tmp_path, "a"):
        raise error
    with scratch_folder(tmp_path, "a") as again:
        assert again.name == "a-1"  # the lock was let go
