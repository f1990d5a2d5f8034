"""Pickles as the data sets have them, and pickles that try more than that."""

import builtins
import os
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest

from maskcon.images.fetching.plain_pickle import read_plain_pickle
from maskcon.parameters.errors import UserError


@pytest.fixture
def load(tmp_path):
    def read(content: bytes):
        (tmp_path / "batch").write_bytes(content)
        return read_plain_pickle(tmp_path / "batch")

    return read


def python_2_text(value: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(value)) + value  # BINSTRING: str of Python 2


def python_2_batch(images: np.ndarray) -> bytes:
    """What Python 2 writes with protocol 2 for {"data": images, "fine_labels": [7, 300]}."""
    shape = b"".join(b"M" + struct.pack("<H", length) for length in images.shape)
    dtype = b"cnumpy\ndtype\n" + python_2_text(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + python_2_text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + python_2_text(b"b") + b"\x87R"
    array += b"(K\x01" + shape + b"\x86" + dtype + b"\x89" + python_2_text(images.tobytes()) + b"tb"
    return b"\x80\x02}(" + python_2_text(b"data") + array + python_2_text(b"fine_labels") + b"](K\x07M\x2c\x01eu."


def test_what_python_2_writes(load):
    images = np.arange(512, dtype=np.uint8).reshape(2, 256)
    found = load(python_2_batch(images))
    np.testing.assert_array_equal(found.pop(b"data"), images, strict=True)
    assert found == {b"fine_labels": [7, 300]}


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_python_3_writes(load, protocol):
    images = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    value = {"data": images, "mean": images.mean(axis=0), "labels": [1, 2**40], b"more": (None, True, 0.5, "\u00e9")}
    found = load(pickle.dumps(value, protocol))
    for name in ("data", "mean"):
        np.testing.assert_array_equal(found.pop(name), value[name], strict=True)
    assert found == {"labels": [1, 2**40], b"more": (None, True, 0.5, "\u00e9")}


class _Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.fault
@pytest.mark.parametrize(("protocol", "function"), [(0, os.system), (2, builtins.eval), (4, os.system)])
def test_calls_are_refused_and_not_run(tmp_path, load, protocol, function):
    mark = tmp_path / "ran"
    command = f"touch {mark}" if function is os.system else f"open({str(mark)!r}, 'w')"
    content = pickle.dumps({"data": [b"1", {1: (_Calls(function, command),)}]}, protocol)
    pickle.loads(content)
    assert mark.exists()  # the attack is a real one
    mark.unlink()
    with pytest.raises(UserError, match=rf"batch .*asks for \w+\.{function.__name__}, .* was not run"):
        load(content)
    assert not mark.exists()


@pytest.mark.fault
@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(OrderedDict(a=1)),
        b"\x80\x04\x8c\x05numpy\x8c\x0bcore.system\x93.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00acos\nsystem\n\x86R.",
        b"",
        b"<html></html>",
        *(pickle.dumps({"data": np.arange(20), "labels": [1, 2, 3]}, 2)[:length] for length in (1, 30, 90, 150)),
    ],
)
def test_whatever_else_is_one_sentence(load, content):
    with pytest.raises(UserError, match=r"batch is not the pickle of a data set .*fetch it again") as raised:
        load(content)
    assert "\n" not in str(raised.value)
