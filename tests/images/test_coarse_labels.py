import pandas as pd
import pytest

from maskcon.images.packed.image_set import LABEL_COLUMNS
from maskcon.images.reading.coarse_labels import label_part, read_coarse_table
from maskcon.parameters.errors import UserError
from maskcon.parameters.plugins import DATA_SETS
from tests.images.small_archives import preset

HEADER = "fine,fine_name,coarse,coarse_name\n"
GOOD = HEADER + "2,rose,1,plant\n0,cat,0,animal\n1,dog,0,animal\n"


def write(tmp_path, text):
    path = tmp_path / "flowers.csv"
    path.write_text(text)
    return path


def part_of(fine):
    places = range(len(fine))
    return pd.DataFrame({"fine": fine, "source": [f"file {i}" for i in places], "width": places, "height": 8})


def test_names_are_taken_word_for_word(tmp_path):
    """Words that stand for a missing value elsewhere, and names that look like numbers."""
    text = HEADER + "0,NA,0,None\n1,007,1,nan\n2,null,1,nan\n"
    table = read_coarse_table(write(tmp_path, text))
    assert table["fine_name"].tolist() == ["NA", "007", "null"]
    assert table["coarse_name"].tolist() == ["None", "nan", "nan"]


MALFORMED = {
    "header alone": (HEADER, "must be 0, 1, 2 and so on"),
    "missing column": ("fine,fine_name,coarse\n0,cat,0\n", "has no column coarse_name"),
    "gap in fine": (HEADER + "0,cat,0,animal\n2,dog,0,animal\n", "must be 0, 1, 2 and so on"),
    "gap in coarse": (HEADER + "0,cat,0,animal\n1,rose,2,plant\n", "must be 0 to 1 without a gap"),
    "two names": (HEADER + "0,cat,0,animal\n1,dog,0,animals\n", "has the names animal, animals"),
    "fine name empty": (HEADER + "0,,0,animal\n", "has no fine_name"),
    "coarse name empty": (HEADER + "0,cat,0,\n", "has no coarse_name"),
    "fraction for coarse": (HEADER + "0,cat,0,animal\n1,rose,1.5,plant\n", "must be whole numbers"),
}


@pytest.mark.fault
@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_table_gives_a_sentence_naming_the_file(tmp_path, fault):
    content, said = MALFORMED[fault]
    with pytest.raises(UserError, match=rf"flowers\.csv.*{said}") as raised:
        read_coarse_table(write(tmp_path, content))
    assert "\n" not in str(raised.value)


def test_part_gets_its_labels(tmp_path):
    labels = label_part(part_of([2, 0, 2, 1]), write(tmp_path, GOOD))
    assert tuple(labels.columns) == LABEL_COLUMNS
    assert labels.to_numpy().tolist() == [
        [1, "plant", 2, "rose", "file 0", 0, 8],
        [0, "animal", 0, "cat", "file 1", 1, 8],
        [1, "plant", 2, "rose", "file 2", 2, 8],
        [0, "animal", 1, "dog", "file 3", 3, 8],
    ]


@pytest.mark.parametrize("fine", [3, -1])
def test_part_with_a_class_that_the_table_lacks(tmp_path, fine):
    with pytest.raises(UserError, match=rf"flowers\.csv.*{fine}"):
        label_part(part_of([0, fine]), write(tmp_path, GOOD))


def test_coarse_labels_that_the_source_carries_stand(tmp_path):
    carried = part_of([7, 7]).assign(fine_name=["cat", "cat"], coarse=[3, 1], coarse_name=["big", "small"])
    labels = label_part(carried, tmp_path / "no such table.csv")
    assert labels.to_numpy().tolist() == [
        [3, "big", 7, "cat", "file 0", 0, 8],
        [1, "small", 7, "cat", "file 1", 1, 8],
    ]
    coarse = part_of([7, 11]).assign(coarse=[0, 1], coarse_name=["a", "b"])
    assert label_part(coarse, tmp_path)["fine_name"].tolist() == ["7", "11"]
    labels = label_part(coarse.drop(columns="fine"), tmp_path)
    assert tuple(labels.columns) == LABEL_COLUMNS
    assert labels["fine"].tolist() == labels["fine_name"].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("name", "classes", "some"),
    [
        (
            "cars196",
            [18, 50, 36, 30, 29, 14, 6, 13],
            {"Ford E-Series Wagon Van 2012": "van", "Chevrolet HHR SS 2010": "SUV"},
        ),
        ("cifar100", [5] * 20, {"wolf": "large_carnivores", "lawn_mower": "vehicles_2"}),
        ("imagenet32", [61, 123, 59, 95, 60, 130, 70, 53, 105, 71, 93, 80], {"kit fox": "wild mammal"}),
    ],
)
def test_published_groupings_with_their_numbers_of_classes(repository, name, classes, some):
    table = read_coarse_table(repository / f"coarse_labels/{name}.csv")
    assert sorted(table["coarse"].value_counts()) == sorted(classes)
    assert table.set_index("fine_name")["coarse_name"][list(some)].to_dict() == some


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_set_has_a_preset_and_its_table(repository, tmp_path, name):
    coarse_map = preset(name, tmp_path).coarse_map.replace("${.coarse_by}", "manufacturer")
    assert (repository / coarse_map).is_file()
