"""docs/reliability.md: every row of its tables of faults names a test that exists, and the counts are right."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/reliability.md").read_text()
HEADS = ("test that shows it", "test", "by")  # of the last column


def rows_with_tests() -> list[tuple[str, str]]:
    """What a row is about, and what its last cell holds."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in table.splitlines()]
        found += [(row[0], row[-1]) for row in rows if head[-1] in HEADS]
    return found


def test_every_row_names_tests_that_exist():
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    for fault, cell in rows_with_tests():
        tests = re.findall(r"`([\w/]*test_\w+\.py)`", cell)
        assert tests, f"{fault}: no test is named"
        for test in tests:
            assert (REPOSITORY / test).is_file() if "/" in test else names.count(test) == 1, f"{fault}: {test}"


def test_the_page_says_how_many_they_are():
    assert f"\n{len(rows_with_tests())} kinds of faults stand in the tables of this page" in PAGE
    marked = sum(path.read_text().count("\n@pytest.mark.fault\n") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert marked > int(re.search(r"more than (\d+) tests", PAGE)[1])
