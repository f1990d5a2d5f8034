"""Pickles as the data sets have them, and pickles that try more than that."""

import builtins
import io
import os
import pickle
import random
import struct
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from maskcon.images.fetching.plain_pickle import load_plain_pickle, read_plain_pickle
from maskcon.parameters.errors import UserError

PROTOCOLS = [0, 1, 2, 3, 4]


def load(content: bytes, encoding: str = "bytes"):
    return load_plain_pickle(io.BytesIO(content), "batch", encoding)


def refused(content: bytes, *named: str) -> None:
    with pytest.raises(UserError) as error:
        load(content)
    for part in ("batch", *named):
        assert part in str(error.value)


def python_2_text(value: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(value)) + value  # BINSTRING: str of Python 2


def python_2_batch(images: np.ndarray) -> bytes:
    """What Python 2 writes with protocol 2 for {"data": images, "fine_labels": [7, 300], "filenames": ["a.png"]}."""
    shape = b"".join(b"M" + struct.pack("<H", length) for length in images.shape)
    dtype = b"cnumpy\ndtype\n" + python_2_text(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + python_2_text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + python_2_text(b"b") + b"\x87R"
    array += b"(K\x01" + shape + b"\x86" + dtype + b"\x89" + python_2_text(images.tobytes()) + b"tb"
    items = python_2_text(b"data") + array
    items += python_2_text(b"fine_labels") + b"](K\x07M\x2c\x01e"
    items += python_2_text(b"filenames") + b"](" + python_2_text(b"a.png") + b"e"
    return b"\x80\x02}(" + items + b"u."


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_what_python_3_writes(protocol, module):
    images = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    mean = np.linspace(0, 1, 6).reshape(2, 3)
    value = {"data": images, "mean": mean, "labels": [1, 2**40], b"names": [b"a", "\u00e9"], "more": (None, True, 0.5)}
    content = pickle.dumps(value, protocol)
    if protocol < 4:  # later ones write the length in front
        content = content.replace(b"numpy._core.multiarray", module)
    found = load(content)
    np.testing.assert_array_equal(found.pop("data"), images, strict=True)
    np.testing.assert_array_equal(found.pop("mean"), mean, strict=True)
    assert found == {"labels": [1, 2**40], b"names": [b"a", "\u00e9"], "more": (None, True, 0.5)}


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(7),
        np.array([True, False]),
        np.arange(10)[::2],
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_every_layout(array, protocol):
    found = load(pickle.dumps(array, protocol))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    assert found.shape == array.shape
    assert type(found) is np.ndarray


@pytest.mark.parametrize(("encoding", "key", "name"), [("bytes", b"data", b"a.png"), ("latin1", "data", "a.png")])
def test_what_python_2_writes(encoding, key, name):
    images = np.arange(512, dtype=np.uint8).reshape(2, 256)
    content = python_2_batch(images)
    expected = pickle.loads(content, encoding=encoding)
    np.testing.assert_array_equal(expected[key], images)  # the pickle made here is one that pickle itself reads
    found = load(content, encoding)
    np.testing.assert_array_equal(found[key], images, strict=True)
    assert list(found) == list(expected)
    assert found[b"fine_labels" if encoding == "bytes" else "fine_labels"] == [7, 300]
    assert next(reversed(found.values())) == [name]


@pytest.mark.parametrize("protocol", [3, 4])  # earlier ones spell empty bytes by a call of bytes
def test_empty_array(protocol):
    found = load(pickle.dumps(np.zeros((0, 3), np.float32), protocol))
    np.testing.assert_array_equal(found, np.zeros((0, 3), np.float32), strict=True)


def test_read_from_a_file(tmp_path):
    (tmp_path / "train").write_bytes(pickle.dumps({"labels": [1]}))
    assert read_plain_pickle(tmp_path / "train") == {"labels": [1]}
    with pytest.raises(UserError, match="absent"):
        read_plain_pickle(tmp_path / "absent")


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_are_not_copied(tmp_path, protocol):
    images = np.ones((40, 100_000), np.uint8)
    path = tmp_path / "train"
    path.write_bytes(pickle.dumps({"data": images}, protocol))
    tracemalloc.start()
    found = read_plain_pickle(path)["data"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * images.nbytes
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, images)


def test_same_array_twice_is_one():
    array = np.arange(10)
    first, second = load(pickle.dumps([array, array]))
    assert first is second


class _Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [*PROTOCOLS, 5])
@pytest.mark.parametrize("wrap", [lambda attack: attack, lambda attack: {"data": [b"1", {1: (attack,)}]}])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "system"),
        (builtins.eval, "eval"),
        (builtins.exec, "exec"),
        (builtins.getattr, "getattr"),
        (builtins.__import__, "__import__"),
    ],
)
def test_calls_are_refused_and_not_run(tmp_path, protocol, wrap, function, name):
    mark = tmp_path / "ran"
    command = f"touch {mark}" if function is os.system else f"open({str(mark)!r}, 'w')"
    content = pickle.dumps(wrap(_Calls(function, command)), protocol)
    if function in (os.system, builtins.eval):
        pickle.loads(content)
        assert mark.exists()  # the attack is a real one
        mark.unlink()
    refused(content, name, "nothing in it was run")
    assert not mark.exists()


def test_call_within_the_arguments_of_an_admitted_name(tmp_path):
    mark = tmp_path / "ran"
    inner = b"cos\nsystem\n" + b"X" + struct.pack("<I", len(f"touch {mark}")) + f"touch {mark}".encode() + b"\x85R"
    for outer in (b"cnumpy\ndtype\n", b"c_codecs\nencode\n", b"cnumpy.core.multiarray\n_reconstruct\n"):
        refused(b"\x80\x02" + outer + inner + b"\x85R.", "system")
        refused(b"\x80\x02" + outer + b"(" + inner + b"tb.", "system")
    refused(b"\x80\x04\x8c\x05numpy\x8c\x0bcore.system\x93.", "core.system")
    refused(b"(S'touch'\nios\nsystem\n.", "system")
    assert not mark.exists()


def state_of(*state) -> bytes:
    return pickle.dumps(state, 2)[2:-1]


DTYPE = b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R"
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(np.array([object, 1], dtype=object), 2),
        pickle.dumps(np.array(["text"]), 2),
        pickle.dumps(np.zeros(2, [("a", "u1")]), 2),
        pickle.dumps(np.array(["2020"], dtype="M8[D]"), 2),
        pickle.dumps(OrderedDict(a=1)),
        pickle.dumps({1, 2}),
        pickle.dumps(bytearray(b"a"), 5),
        pickle.dumps(np.float64(1)),
        pickle.dumps(np.arange(3), 5),  # by numpy's _frombuffer
        pickle.dumps(Path("a")),
        DTYPE + b".",
        EMPTY + b".",
        b"cnumpy\nndarray\n.",
        b"cnumpy\nndarray\nK\x05\x85R.",
        b"c_codecs\nencode\n.",
        b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
        b"\x80\x02" + EMPTY + b"(K\x01K\x04\x85" + DTYPE + b"\x89C\x03abct" + b"b.",  # fewer bytes than elements
        b"\x80\x02" + EMPTY + b"(K\x01K\x04\x85" + DTYPE + b"\x89](K\x01K\x02K\x03K\x04et" + b"b.",  # a list of objects
        b"\x80\x02cnumpy\ndtype\n" + state_of("x") + b"b.",
        b"\x80\x02]q\x00h\x00a.",  # a list that holds itself
        b"(" * 10_000 + b"t" * 10_000 + b".",
        b"P1\n.",
        b"\x82\x01.",
        b"",
        b"<html></html>",
    ],
)
def test_whatever_else_is_refused(content):
    refused(content)


@pytest.mark.parametrize(
    ("array_type", "reason"),
    [
        (pickle.dumps("O", 2)[2:-1], "an array of objects"),
        (b"cnumpy\ndtype\nX\x02\x00\x00\x00O8\x89\x88\x87R", "an array of object"),
        (DTYPE + state_of(3, "|", None, ("a",), {"a": 1}, -1, -1, 63) + b"b", "an array of records"),
        (DTYPE + state_of(3, "|", ("u1", (2,)), None, None, -1, -1, 63) + b"b", "an array of records"),
    ],
)
def test_arrays_of_something_else_than_numbers(array_type, reason):
    refused(b"\x80\x02" + EMPTY + b"(K\x01K\x08\x85" + array_type + b"\x89C\x08AAAAAAAAtb.", reason)


def test_admitted_names_stay_as_they_are():
    refused(b"\x80\x02c_codecs\nencode\n" + state_of(None, {"__doc__": "changed"}) + b"b.")
    refused(b"\x80\x02cnumpy\ndtype\n" + state_of(None, {"__init__": 1}) + b"b.")
    assert load(pickle.dumps(np.arange(3), 2)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("place", [b"r\xff\xff\xff\x7f", b"r\x00\xca\x9a\x3b", b"p2000000000\n"])
def test_a_few_bytes_do_not_take_gigabytes(place):
    """The reader makes room for as many remembered values as the number says."""
    refused(b"\x80\x02]" + place + b".", "asks for memory")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_value_in_many_places_is_read_once(protocol):
    """Thirty lists that each hold the one before twice: two to the thirty lists, written out."""
    value: list = []
    for _ in range(30):
        value = [value, value]
    found = load(pickle.dumps(value, protocol))
    assert found[0] is found[1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_truncated_at_any_place(protocol):
    content = pickle.dumps({"data": np.arange(20), "labels": [1, 2, 3]}, protocol)
    for length in range(len(content)):
        refused(content[:length])


def test_random_damage_gives_one_sentence_or_plain_values():
    draw = random.Random(3)
    whole = python_2_batch(np.arange(64, dtype=np.uint8).reshape(2, 32))
    refusals = 0
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            content[draw.randrange(len(content))] = draw.choice(b"(){}[]tbRcKMJTX.\x85\x86\x87\x00\x01\xff")
        try:
            load(bytes(content))
        except UserError:
            refusals += 1
    assert refusals > 1000
