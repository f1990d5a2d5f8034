import sys

import pytest

from maskcon.explore.plots_page import page_template
from maskcon.parameters.errors import UserError
from tests.support.browser import complaints, headless_browser, wait_until


def test_dvcs_plots_are_drawn_without_network(tmp_path):
    """DVC's own renderer, our template, a browser whose addresses lead nowhere."""
    pytest.importorskip("vl_convert", reason="needs vl-convert-python, see requirements.txt")
    from dvc_render import VegaRenderer, render_html

    source = {"filename": "plots/pretrain.csv", "field": "loss"}
    points = [{"epoch": e, "loss": 5 - e, "rev": rev, **source} for e in range(3) for rev in ("main", "other")]
    template = tmp_path / "template.html"
    template.write_text(page_template())
    plot = VegaRenderer(points, "Loss", x="epoch", y="loss", template="linear")
    page = render_html([plot], tmp_path / "index.html", html_template=template)

    with headless_browser() as browser:
        browser.get(page.as_uri())
        wait_until(lambda: browser.execute_script("return document.querySelectorAll('canvas, svg.marks').length"))
        fetched = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
        assert [name for name in fetched if not name.startswith("data:")] == []
        assert not [one for one in complaints(browser) if "ERR_" in one or "Error" in one]


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UserError, match="needs the package vl-convert-python"):
        page_template()
