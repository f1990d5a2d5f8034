"""A headless Chromium for tests of pages, with no network but this machine's; where there is none, tests are skipped.

    with headless_browser() as browser:
        browser.get(path.as_uri())
        wait_until(lambda: browser.execute_script("return document.readyState") == "complete")

On Debian and Ubuntu: apt-get install chromium chromium-driver
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WAIT = 300.0  # seconds: a busy machine is slow, a test that fails is rare


@contextlib.contextmanager
def headless_browser(width: int = 1440, height: int = 900) -> Iterator[Any]:
    """A selenium driver of a browser whose every address but 127.0.0.1 leads nowhere. Skips the test without one."""
    browser, driver_program = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")
    if browser is None or driver_program is None:
        pytest.skip("needs Chromium and chromedriver (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    words = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},{height}"]
    words.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    if os.geteuid() == 0:
        words.append("--no-sandbox")  # Chromium's own does not run as root
    for word in words:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_program))
    try:
        driver.set_page_load_timeout(WAIT)
        driver.set_script_timeout(WAIT)
        yield driver
    finally:
        driver.quit()


def wait_until(condition: Callable[[], Any]) -> Any:
    """What ``condition`` returns once that is true. Raises: AssertionError, where it stays false."""
    end = time.monotonic() + WAIT
    while True:
        if result := condition():
            return result
        assert time.monotonic() < end, f"still false after {WAIT} s"
        time.sleep(0.1)


def complaints(browser) -> list[str]:
    """What the page has said of itself in the console, warnings and errors."""
    return [entry["message"] for entry in browser.get_log("browser")]
