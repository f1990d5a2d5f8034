"""The gallery's page with real clicks and keys, its console and its network watched."""

import csv

import numpy as np
import pytest

from maskcon.explore.gallery_page.page import assemble, page_data
from tests.explore.made_up_gallery import NASTY, made_up_gallery
from tests.support.browser import complaints, headless_browser, wait_until

pytestmark = pytest.mark.slow

GALLERY = made_up_gallery()


def write(folder, gallery):
    path = folder / "gallery.html"
    path.write_text(assemble(page_data(gallery)))
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("page"), GALLERY)
    with headless_browser() as driver:
        driver.get(path.as_uri())
        wait_until(lambda: driver.execute_script("return window.gallery !== undefined"))
        yield driver


@pytest.fixture
def page(browser):
    """The page as it opens."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    class Page:
        keys = Keys

        def one(self, selector):
            return browser.find_element(By.CSS_SELECTOR, selector)

        def all(self, selector):
            return browser.find_elements(By.CSS_SELECTOR, selector)

        def state(self):
            return browser.execute_script("return gallery.state()")

        def click_image(self, image, pointer="mouse"):
            canvas = self.one("#map")
            place = browser.execute_script("return gallery.placeOf(arguments[0])", image)
            left = place["x"] - canvas.size["width"] / 2  # selenium counts from the middle
            top = place["y"] - canvas.size["height"] / 2
            actions = ActionBuilder(browser, mouse=PointerInput(pointer, pointer))
            actions.pointer_action.move_to(canvas, round(left), round(top)).click()
            actions.perform()

        def drag(self, *corners):
            """From corner to corner, given in pixels of the map."""
            canvas = self.one("#map")
            actions = ActionBuilder(browser)
            for place, (left, top) in enumerate(corners):
                from_middle = round(left - canvas.size["width"] / 2), round(top - canvas.size["height"] / 2)
                actions.pointer_action.move_to(canvas, *from_middle)
                if place == 0:
                    actions.pointer_action.pointer_down()
            actions.pointer_action.pointer_up()
            actions.perform()

        def press(self, *keys):
            for key in keys:
                ActionChains(browser).send_keys(key).perform()

        def choose(self, selector, text):
            [option] = [option for option in self.all(f"{selector} option") if option.text == text]
            option.click()

        def focused(self):
            return browser.switch_to.active_element

    page = Page()
    page.press(Keys.ESCAPE, Keys.ESCAPE)
    yield page
    assert complaints(browser) == []


def neighbours_of(image, count=12, features="trained"):
    cosines = GALLERY.features[features] @ GALLERY.features[features][image]
    return [other for other in np.argsort(-cosines, kind="stable") if other != image][:count]


def test_names_are_text_and_never_markup(browser, page):
    assert browser.title == f"set {NASTY[0]}"
    assert page.one("#name").text == f"set {NASTY[0]}"
    assert browser.execute_script("return document.images.length + document.scripts.length") == 2
    page.click_image(7)
    assert page.one("#chosen-source").text == f"{NASTY[0]}/7.jpg"
    shown = {option.get_property("textContent") for option in page.all("#coarse option")}
    assert shown == {"all 3", *NASTY}
    assert browser.title == f"set {NASTY[0]}"


def test_nothing_is_fetched(browser, page):
    names = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in names if not name.startswith("data:")] == []


def test_a_click_shows_the_nearest_images_with_ranks_and_labels(page):
    page.click_image(23)
    assert page.state()["selected"] == 23
    assert page.one("#chosen-name").get_property("textContent") == GALLERY.labels.fine_name[23]
    buttons = page.all("#nearest button")
    assert [int(button.get_attribute("data-image")) for button in buttons] == neighbours_of(23)
    for rank, (button, other) in enumerate(zip(buttons, neighbours_of(23), strict=True), start=1):
        same = GALLERY.labels.fine[other] == GALLERY.labels.fine[23]
        cosine = float(GALLERY.features["trained"][other] @ GALLERY.features["trained"][23])
        name = GALLERY.labels.fine_name[other]
        spoken = f"{rank}: {name}, {'same' if same else 'another'} fine class, cosine {cosine:.3f}"
        assert button.get_attribute("class") == ("right" if same else "wrong")
        assert button.get_attribute("aria-label") == spoken
    buttons[2].click()
    assert page.state()["selected"] == neighbours_of(23)[2]
    page.one("#close").click()
    assert page.state()["selected"] is None


def test_filters(page):
    page.one("#coarse").find_elements("tag name", "option")[1].click()
    name = page.one("#coarse option:checked").get_property("textContent")
    members = (GALLERY.labels.coarse_name == name).sum()
    assert page.state()["matching"] == members == 20
    assert page.one("#shown").text == "20 of 60 images"
    fine = page.all("#fine option")
    assert [option.get_property("textContent") for option in fine] == [
        "all 2",
        *sorted(set(GALLERY.labels.fine_name[GALLERY.labels.coarse_name == name])),
    ]
    fine[2].click()
    assert page.state()["matching"] == 10
    page.one("#clear").click()
    assert page.state()["matching"] == 60
    page.one("#find").send_keys("/7.JPG")
    assert page.state()["matching"] == 1
    page.one("#clear").click()
    assert page.one("#find").get_property("value") == ""


def test_confused_pairs(page):
    button = page.one("#pairs button")
    assert len(button.find_elements("tag name", "canvas")) == 2  # an image and the one that misled it
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.state()["matching"] == 20  # both classes
    button.click()
    assert page.state()["matching"] == 60


def right(features):
    labels = GALLERY.labels.fine
    return sum(labels[neighbours_of(image, 1, features)[0]] == labels[image] for image in range(60))


def test_the_features_are_switched(page):
    recall = page.one("#recall").text
    assert recall == f"Recall@1 {100 * right('trained') / 60:.1f}% ({right('trained')} of 60)"
    page.click_image(23)
    untrained, trained = page.all("#features button")
    untrained.click()
    assert page.one("#recall").text.endswith(f"({right('untrained')} of 60)")
    assert [int(one.get_attribute("data-image")) for one in page.all("#nearest button")] == neighbours_of(
        23, features="untrained"
    )
    trained.click()
    assert page.one("#recall").text == recall
    assert trained.get_attribute("aria-pressed") == "true"


def test_images_whose_nearest_is_wrong(page):
    page.one("#wrong").click()
    assert page.state()["matching"] == 60 - right("trained")
    page.one("#clear").click()
    assert not page.one("#wrong").is_selected()
    shares = page.one("#pairs .share").text.splitlines()
    confused, images = (int(number) for number in shares[1].split(" of "))
    assert shares[0] == f"{100 * confused / images:.1f}%"


def test_images_drawn_around_are_saved_as_a_list(browser, page, tmp_path):
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    place = browser.execute_script("return [...Array(60).keys()].map(gallery.placeOf)")
    middle, width, height = place[33]["x"] + 5, page.one("#map").size["width"], page.one("#map").size["height"]
    inside = [image for image in range(60) if place[image]["x"] < middle]
    assert 0 < len(inside) < 60
    page.one("#lasso").click()
    page.drag((3, 3), (middle, 3), (middle, height - 3), (3, height - 3))
    assert page.state()["matching"] == len(inside)
    assert page.one("#lasso").get_attribute("aria-pressed") == "false"
    page.one("#coarse").find_elements("tag name", "option")[1].click()  # beside another filter
    shown = page.state()["matching"]
    assert 0 < shown < len(inside)
    page.one("#save").click()
    wait_until((tmp_path / "images.csv").exists)
    with open(tmp_path / "images.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown
    images = [GALLERY.labels.source.tolist().index(row["path"]) for row in rows]
    assert set(images) <= set(inside)
    names = [[GALLERY.labels.coarse_name[image], GALLERY.labels.fine_name[image]] for image in images]
    assert [[row["coarse"], row["fine"]] for row in rows] == names
    page.drag((width / 2, 5), (width / 2 + 30, 5))  # no longer draws: moves the map
    assert page.state()["matching"] == shown


def test_links_to_an_image(browser, page):
    page.click_image(7)
    assert browser.current_url.endswith("#image=7")
    assert not page.one("#hint").is_displayed()
    page.one("#close").click()
    assert "image" not in browser.current_url
    browser.execute_script("location.hash = 'image=12'")
    wait_until(lambda: page.state()["selected"] == 12)
    browser.refresh()
    wait_until(lambda: page.state()["selected"] == 12)


def test_the_keyboard_alone(page):
    keys = page.keys
    page.click_image(0)
    page.press(keys.ESCAPE)
    assert page.focused().get_attribute("id") == "map"
    page.press(keys.ARROW_LEFT)
    start = page.state()["cursor"]
    page.press(keys.ARROW_RIGHT)
    assert page.state()["cursor"] != start
    page.press("+")
    assert page.state()["scale"] > 1.2
    page.press("0", keys.ENTER)
    opened = page.state()["selected"]
    assert opened is not None
    assert page.focused().get_attribute("id") == "chosen-name"
    page.press(keys.ARROW_DOWN)
    assert page.focused().get_attribute("data-image") == str(neighbours_of(opened)[0])
    page.press(keys.ARROW_RIGHT, keys.ENTER)
    assert page.state()["selected"] == neighbours_of(opened)[1]
    page.press(keys.ESCAPE)
    assert page.state()["selected"] is None
    assert page.focused().get_attribute("id") == "map"
    assert "nearest images are of the same fine class" in page.one("#said").get_property("textContent")


def test_light_and_dark(browser, page):
    def colours():
        return browser.execute_script(
            "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]"
        )

    def theme():
        return page.one("html").get_attribute("data-theme")

    light = colours()
    assert theme() == "light"
    page.one("#theme").click()
    assert theme() == "dark"
    assert colours() != light
    page.one("#theme").click()
    assert colours() == light
    browser.execute_script("localStorage.clear()")
    for scheme in ("dark", "light"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        wait_until(lambda scheme=scheme: theme() == scheme)


def test_at_400_pixels_the_map_fits_and_a_tap_scrolls_to_the_neighbours(browser, page):
    def metrics(width, height):
        sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)
        wait_until(lambda: browser.execute_script("return innerWidth") == width)

    def outside():
        return browser.execute_script(
            "const {clientWidth, clientHeight} = document.getElementById('stage');"
            "return [...Array(60).keys()].map(gallery.placeOf)"
            ".filter(({x, y}) => x < 0 || y < 0 || x > clientWidth || y > clientHeight).length"
        )

    page.one("#zoom-fit").click()
    metrics(400, 800)
    wait_until(lambda: outside() == 0)
    assert not in_view(browser, "nearest")
    page.click_image(23, "touch")
    wait_until(lambda: in_view(browser, "nearest"))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    wait_until(lambda: browser.execute_script("return innerWidth") > 1000 and outside() == 0)


def in_view(browser, name):
    """Whether the top of an element stands in the window."""
    top = browser.execute_script(f"return document.getElementById('{name}').getBoundingClientRect().top")
    return 0 < top < browser.execute_script("return innerHeight")


def test_without_fine_labels(browser, tmp_path):
    gallery = made_up_gallery(with_fine=False)
    browser.get(write(tmp_path, gallery).as_uri())
    wait_until(lambda: browser.execute_script("return window.gallery !== undefined"))
    assert not browser.find_element("id", "fine").is_displayed()
    summary = browser.find_element("id", "summary").text
    assert summary.startswith("60 images, 3 coarse classes. ")
    assert complaints(browser) == []
