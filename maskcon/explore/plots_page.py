"""A page for ``dvc plots`` that works without network: the scripts that draw stand in it instead of being fetched.

page_template()      # HTML with the placeholder {plot_divs}, for dvc plots show --html-template
"""

import re

from maskcon.parameters.errors import UserError

VEGA_LITE = "5.21"  # DVC writes its plots for version 5
STYLE = """
body { font: 14px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; margin: 24px; color: #1a1a1a; }
body > div { display: inline-block; vertical-align: top; margin: 0 24px 24px 0; }
table { border-spacing: 0; }
td, th { padding: 3px 10px; text-align: left; border-bottom: 1px solid #dededa; }
img { max-width: 720px; height: auto; }
p { margin: 0 0 6px; color: #62625f; }
"""
BODY = "</head>\n<body>\n"
PLOT = re.compile(r"var spec = \{(?!\})|<img ")  # DVC writes a plot that has no data as an empty spec


def page_template() -> str:
    """Raises: UserError, where the package with the scripts is not installed."""
    try:
        import vl_convert
    except ImportError:
        raise UserError(
            "a page without network needs the package vl-convert-python; install it with "
            "pip install -r requirements.txt, or call dvc plots itself, whose page fetches its scripts"
        ) from None
    # Vega, Vega-Lite and Vega-Embed in a scope of their own; vegaEmbed is what DVC's plots call.
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE).replace(
        "</script", "<\\/script"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Plots</title>\n'
        f"<style>{STYLE}</style>\n<script>(() => {{{bundle}}})();</script>\n"
        f"{BODY}{{plot_divs}}\n</body>\n</html>\n"
    )


def has_plots(page: str) -> bool:
    """Whether DVC had anything to draw on a page of that template."""
    return PLOT.search(page, page.find(BODY)) is not None
