"""The tables of faults in README.md and docs/reliability.md: the tests they name exist, and the counts agree."""

import re
from pathlib import Path

import pytest

from tests.support.stated_counts import RELIABILITY

README = RELIABILITY.parents[1] / "README.md"
TEST_FILE = re.compile(r"`((?:tests/)?(?:\w+/)*test_\w+\.py)`")


@pytest.mark.parametrize("page", [README, RELIABILITY], ids=lambda page: page.name)
def test_every_test_that_a_table_names_exists(page: Path, repository: Path):
    named = {name for line in page.read_text().splitlines() if line.startswith("|") for name in TEST_FILE.findall(line)}
    existing = {str(path.relative_to(repository)) for path in (repository / "tests").rglob("test_*.py")}
    existing |= {path.rsplit("/", 1)[1] for path in existing}  # the page names a file in full once
    assert len(named) >= 10
    assert named <= existing, f"{page.name} names tests that are not there: {', '.join(sorted(named - existing))}"


def test_the_readme_claims_no_more_bad_input_than_the_page():
    claimed = int(re.search(r"bad input: ([\d,]+) cases tried", README.read_text())[1].replace(",", ""))
    section = RELIABILITY.read_text().split("## Bad input")[1].split("\n## ")[0]
    stated = [int(count.replace(",", "")) for count in re.findall(r"^\| [\w ]+ \| ([\d,]+) \|", section, re.MULTILINE)]
    assert len(stated) == 4
    assert claimed <= sum(stated)
