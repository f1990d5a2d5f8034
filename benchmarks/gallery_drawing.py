"""How long the gallery's page takes to draw itself while it is panned, in headless Chromium without a graphics card.

    python -m maskcon gallery && python -m benchmarks.gallery_drawing exports/gallery.html

Fifty redraws at each of four zooms: median, 90th percentile, and how many images were thumbnails and not dots.
"""

import argparse
import statistics
from pathlib import Path

from tabulate import tabulate

from tests.support.browser import headless_browser, wait_until

REDRAWS = 50
ZOOMS = (0.5, 1, 4, 16)  # times the scale at which all images fill the map


def main(page: Path) -> None:
    rows = []
    with headless_browser() as browser:
        browser.get(page.resolve().as_uri())
        wait_until(lambda: browser.execute_script("return window.gallery && gallery.ready()"))
        for zoom in ZOOMS:
            browser.execute_script("gallery.zoomTo(arguments[0]); gallery.drawingMilliseconds(5)", zoom)
            taken = browser.execute_script("return gallery.drawingMilliseconds(arguments[0])", REDRAWS)
            thumbnails = browser.execute_script("return gallery.state().thumbnails")
            rows.append([zoom, thumbnails, statistics.median(taken), statistics.quantiles(taken, n=10)[-1]])
    print(f"{page}: {page.stat().st_size / 1e6:.1f} MB\n")
    headers = ["zoom", "thumbnails", "median, ms", "90th percentile, ms"]
    print(tabulate(rows, headers, floatfmt=("g", "d", ".1f", ".1f")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="made by python -m maskcon gallery")
    main(parser.parse_args().page)
