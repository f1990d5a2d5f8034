"""Turns of phrase of messages."""

from maskcon.parameters.sentences import counted


def test_one_of_a_thing_is_singular():
    assert counted(1, "photo") == "1 photo"
    assert counted(0, "photo") == "0 photos"
    assert counted(1234, "photo") == "1,234 photos"
    assert counted(1, "coarse class") == "1 coarse class"
    assert counted(2, "coarse class") == "2 coarse classes"
