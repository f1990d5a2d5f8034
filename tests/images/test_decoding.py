import json
import os
import subprocess
import sys

import numpy as np
import psutil
import pytest
from PIL import Image

from maskcon.images.reading import decoding
from maskcon.images.reading.decoding import decode_photos
from tests.support.running import wait_until


@pytest.fixture
def photos(tmp_path):
    """Seven photos, each of one grey, the fourth empty; two a block."""
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(7)]
    for number, path in enumerate(paths):
        Image.new("L", (10 + number, 5), 30 * number).save(path)
    paths[3].write_bytes(b"")
    return paths


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK", 2)
    monkeypatch.setattr(decoding, "CHUNK", 3)


def greys(decoded, rows):
    return [int(image[0, 0, 0]) for chunk in decoded.chunks(np.array(rows, int)) for image in chunk]


@pytest.mark.fault
def test_every_photo_at_its_place_and_those_that_are_bad(photos, tmp_path):
    decoded = decode_photos(photos, 4, 6, tmp_path / "scratch")
    assert decoded.own_sizes.tolist() == [[10, 5], [11, 5], [12, 5], [0, 0], [14, 5], [15, 5], [16, 5]]
    assert decoded.faults == {3: "is empty"}
    assert greys(decoded, [0, 1, 2, 4, 5, 6]) == [0, 30, 60, 120, 150, 180]
    assert greys(decoded, [6, 0, 6, 4]) == [180, 0, 180, 120]
    assert greys(decoded, []) == []
    assert [chunk.shape for chunk in decoded.chunks(np.arange(7))] == [(3, 4, 6, 3), (3, 4, 6, 3), (1, 4, 6, 3)]


def test_several_processes_decode_the_same(photos, tmp_path, monkeypatch):
    alone = decode_photos(photos, 4, 6, tmp_path / "alone")
    monkeypatch.setattr(decoding, "FEW", 0)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    together = decode_photos(photos, 4, 6, tmp_path / "together")
    assert together.faults == alone.faults
    assert (together.own_sizes == alone.own_sizes).all()
    assert together.file.read_bytes() == alone.file.read_bytes()


class Stopped(Exception):
    pass


def stop_after(monkeypatch, blocks):
    """From the block after so many on, decoding stops; returns the first rows of the blocks begun."""
    begun = []

    def decode_block(block, original=decoding.decode_block):
        if len(begun) == blocks:
            raise Stopped
        begun.append(block[1])
        return original(block)

    monkeypatch.setattr(decoding, "decode_block", decode_block)
    return begun


def decode_in_two_goes(photos, scratch, monkeypatch, between=lambda: None):
    """Rows at which blocks of the second go begin, and its result."""
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        with pytest.raises(Stopped):
            decode_photos(photos, 4, 6, scratch)
    between()
    begun = stop_after(monkeypatch, 99)
    return begun, decode_photos(photos, 4, 6, scratch)


@pytest.mark.fault
@pytest.mark.parametrize(("lost", "again"), [(None, [4, 6]), (-5, [2, 4, 6])])
def test_what_was_done_before_an_interruption_is_not_done_again(photos, tmp_path, monkeypatch, lost, again):
    """But a block whose line in the journal was cut off."""
    journal = tmp_path / "scratch" / "journal"
    begun, decoded = decode_in_two_goes(
        photos, tmp_path / "scratch", monkeypatch, lambda: journal.write_text(journal.read_text()[:lost])
    )
    assert begun == again
    assert [json.loads(line)[0] for line in journal.read_text().splitlines()] == [0, 2, 4, 6]
    assert greys(decoded, [0, 1, 2, 4, 5, 6]) == [0, 30, 60, 120, 150, 180]
    assert decoded.faults == {3: "is empty"}


def test_other_photos_and_another_size_are_decoded_anew(photos, tmp_path, monkeypatch):
    def touch_one():
        Image.new("L", (10, 5), 200).save(photos[0])
        os.utime(photos[0], (1, 1))

    begun, decoded = decode_in_two_goes(photos, tmp_path / "scratch", monkeypatch, touch_one)
    assert begun == [0, 2, 4, 6]
    assert greys(decoded, [0]) == [200]
    photos[0], photos[1] = photos[1], photos[0]
    decoded = decode_photos(photos, 6, 4, tmp_path / "scratch")
    assert [chunk.shape for chunk in decoded.chunks(np.arange(1))] == [(1, 6, 4, 3)]
    assert greys(decoded, [0]) == [30]


@pytest.mark.fault
@pytest.mark.parametrize("name", ["pixels", "journal"])
def test_links_in_the_place_of_its_files_are_not_followed(photos, tmp_path, monkeypatch, name):
    """Planted before the first decoding, and between two of them."""
    elsewhere, planted = tmp_path / "elsewhere", tmp_path / "scratch" / name
    elsewhere.write_bytes(b"of somebody else")
    planted.parent.mkdir()
    planted.symlink_to(elsewhere)

    def plant_again():
        planted.unlink()
        planted.symlink_to(elsewhere)

    _, decoded = decode_in_two_goes(photos, tmp_path / "scratch", monkeypatch, plant_again)
    assert greys(decoded, [0, 6]) == [0, 180]
    assert elsewhere.read_bytes() == b"of somebody else"


PROGRAM = """
import sys
from pathlib import Path
from maskcon.images.reading import decoding
from maskcon.parameters.errors import mistakes_end_as_sentences
if __name__ == "__main__":
    decoding.BLOCK, decoding.FEW = 1, 0
    decoding.os.sched_getaffinity = lambda _: {0, 1}
    with mistakes_end_as_sentences():
        decoding.decode_photos(sorted(Path(sys.argv[1]).iterdir()), 700, 700, Path(sys.argv[2]))
"""


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.parametrize("killed", ["the whole", "a process of it"])
def test_killed_for_good_it_goes_on_and_leaves_no_process(tmp_path, repository, killed):
    folder, scratch = tmp_path / "photos", tmp_path / "scratch"
    folder.mkdir()
    for number in range(60):
        Image.new("L", (900, 900), number).save(folder / f"{number:02}.png")
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(folder), str(scratch)]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (scratch / "journal").is_file() and (scratch / "journal").read_bytes().count(b"\n") >= 3)
    children = psutil.Process(running.pid).children()
    if killed == "the whole":
        running.kill()
    else:
        next(child for child in children if "spawn_main" in " ".join(child.cmdline())).kill()
    said = running.communicate()[1]
    if killed != "the whole":
        assert running.returncode == 2
        assert said.splitlines()[-1].endswith("run the same command again: it goes on where it stopped")
        assert "Traceback" not in said
    assert psutil.wait_procs(children, timeout=120)[1] == []

    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "of 60 images were done before" in printed
    pixels = np.fromfile(scratch / "pixels", np.uint8).reshape(60, -1)
    assert (pixels == np.arange(60)[:, None]).all()
