"""Every method has a look of its own, also without colour."""

from maskcon.experiments.tables.method_styles import IN_ORDER, method_style
from maskcon.experiments.tables.methods_compared import Line, style_of
from maskcon.parameters.model import METHODS


def test_every_method_has_its_place():
    assert sorted(IN_ORDER) == sorted(METHODS)


def test_no_two_methods_share_a_colour_or_a_marker():
    styles = [method_style(method) for method in METHODS]
    assert len({style.colour for style in styles}) == len(styles)
    assert len({style.marker for style in styles}) == len(styles)


def test_lines_of_one_method_share_its_colour_and_nothing_else():
    styles = [style_of(Line("MaskCon", "maskcon", None, None, None, place)) for place in range(4)]
    assert {style.colour for style in styles} == {method_style("maskcon").colour}
    assert len({style.dashes for style in styles}) == len({style.marker for style in styles}) == 4
