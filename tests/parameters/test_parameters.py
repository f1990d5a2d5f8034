"""params.yaml, the presets of conf/ and the sentences about wrong values."""

import subprocess
import sys
from pathlib import Path

import pytest

from maskcon.parameters.composition import compose
from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_parameters, load_parameters
from maskcon.parameters.plugins import DATA_SETS, METHODS
from tests.tracking.finished_checkout import VALUES

REPOSITORY = Path(__file__).resolve().parents[2]
CONF = REPOSITORY / "conf"
PRESETS = sorted(f"{file.parent.name}={file.stem}" for file in CONF.glob("*/*.yaml") if file.parent.name != "measure")


def with_value(key: str, value) -> dict:
    """VALUES with one value changed or added."""
    group, _, name = key.rpartition(".")
    return VALUES | ({group: VALUES[group] | {name: value}} if group else {name: value})


def with_photos(**changes) -> dict:
    data = {key: value for key, value in VALUES["data"].items() if key != "images"}
    photos = {"name": "cars196", "height": 224, "width": 200, "stored": 256, "val_share": 0.1}
    return VALUES | {"data": data | photos | changes}


def test_the_committed_parameters_are_what_conf_composes():
    assert (REPOSITORY / "params.yaml").read_text() == compose(CONF, [])


@pytest.mark.parametrize("choice", PRESETS)
def test_every_preset_is_allowed(choice):
    assert compose(CONF, [choice])


@pytest.mark.parametrize(("group", "names"), [("data", DATA_SETS), ("loss", METHODS)])
def test_every_plug_in_has_a_preset(group, names):
    assert names == sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def test_values_are_checked_without_torch():
    """Most stages need no torch, and every stage reads the values of methods and measures."""
    every = "for key in PACKAGES:\n    for name in names_of(key): plug_in(key, name)\n"
    code = f"import sys\nfrom maskcon.parameters.plugins import *\n{every}assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


WRONG_VALUES = [
    ("seed", -1, "seed=-1 is not allowed: it should be greater than or equal to 0"),
    ("seed", True, "seed=true is not allowed: it should be a valid integer"),
    ("loss", 5, "loss=5 is not allowed: it should be a group of named values, as the presets in conf/ have them"),
    ("loss.w", 1.5, "loss.w=1.5 is not allowed: it should be less than or equal to 1"),
    ("loss.w", float("nan"), "loss.w=NaN is not allowed: it should be a finite number"),
    ("loss.temperature", 0, "loss.temperature=0 is not allowed: it should be greater than or equal to 0.0001"),
    ("evaluate.split", "tset", "evaluate.split=\"tset\" is not allowed: it should be 'val' or 'test'"),
    ("evaluate.recall_at", [2, 1], "evaluate.recall_at=[2, 1] must rise strictly and begin with 1"),
    ("data.mean", [0.5], "data.mean=[0.5] is not allowed: it should be a list of at least 3 values"),
    ("data.mean", [0.5, 0.5, 2], "data.mean.2=2 is not allowed: it should be less than or equal to 1"),
    (
        "recipe",
        "../etc",
        'recipe="../etc" is not allowed: it should be a name of letters, digits and _.- that begins with a letter '
        "or digit",
    ),
    (
        "train.batch_size",
        2000,
        "train.batch_size=2000 is more than the 1000 images of data.images.train; lower it",
    ),
    (
        "data.val_share",
        0.1,
        "Unknown parameter data.val_share. There are data.name, data.root, data.raw, data.coarse_map, data.channels, "
        "data.height, data.width, data.mean, data.std, data.augmentation, data.seed, data.images",
    ),
    (
        "data.images",
        {"train": 1000, "val": 300, "tset": 497, "test": 497},
        "Unknown parameter data.images.tset. Did you mean data.images.test? "
        "There are data.images.train, data.images.val, data.images.test",
    ),
    (
        "loss.ww",
        3,
        "Unknown parameter loss.ww. Did you mean loss.w? "
        "There are loss.name, loss.temperature, loss.w, loss.soft_temperature",
    ),
    (
        "sede",
        3,
        "Unknown parameter sede. Did you mean seed? "
        "There are seed, recipe, data, loss, model, train, evaluate, figures, track",
    ),
]


@pytest.mark.parametrize(("key", "value", "sentence"), WRONG_VALUES)
def test_a_wrong_value_is_one_sentence_with_key_value_and_what_is_allowed(key, value, sentence):
    with pytest.raises(UserError) as raised:
        check_parameters(with_value(key, value))
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("key", "name", "said"),
    [
        ("loss.name", "maskcn", r'^loss\.name="maskcn" is unknown\. Did you mean maskcon\? There are .*selfcon'),
        ("data.name", "../etc", r'^data\.name="\.\./etc" is unknown\. There are .*folder, .*two_digits'),
        ("evaluate.measures", ["kmeans"], r"^evaluate\.measures: kmeans is unknown\. There are discovery, "),
    ],
)
def test_a_misspelt_method_or_data_set_is_answered_with_those_there_are(key, name, said):
    with pytest.raises(UserError, match=said):
        check_parameters(with_value(key, name))


def test_photos_are_stored_as_a_square_or_as_the_encoder_sees_them():
    assert check_parameters(with_photos()).data.stored_size == (256, 256)
    assert check_parameters(with_photos(stored=None)).data.stored_size == (224, 200)
    assert check_parameters(VALUES).data.stored_size == (16, 16)
    with pytest.raises(UserError, match=r"^data\.stored=223 must be at least height=224 and width=200$"):
        check_parameters(with_photos(stored=223))


def test_evaluation_on_a_part_without_images_is_refused():
    on_val = VALUES["evaluate"] | {"split": "val"}
    assert check_parameters(with_photos() | {"evaluate": on_val})
    assert check_parameters(with_photos(val_share=0))
    with pytest.raises(UserError, match=r"^evaluate\.split=val, but data\.val_share=0 leaves no images"):
        check_parameters(with_photos(val_share=0) | {"evaluate": on_val})


def test_views_that_are_not_stored_cannot_be_trained_on():
    choices = ["train=frozen", "train.key_view=weak"]
    with pytest.raises(UserError, match=r"key_view=weak needs train\.stored_views\.weak of 1 or more, it is 0$"):
        compose(CONF, choices)
    assert compose(CONF, [*choices, "train.stored_views.weak=2"])


NO_GROUP = r"^params\.yaml=.* is not allowed: it should be a group of named values"
NO_YAML = r"cannot be read as YAML.*[^\n]*$"


@pytest.mark.parametrize(
    ("text", "said"),
    [("", NO_GROUP), ("3", NO_GROUP), ("- a", NO_GROUP), ("a: [", NO_YAML), ("a: 1\na: 2", NO_YAML), ("\0", NO_YAML)],
)
def test_a_file_without_groups_is_one_sentence(tmp_path, text, said):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        load_parameters(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("loss=maskcn", "Could not find 'loss/maskcn' Available options in 'loss': .*selfcon"),
        ("loss.ww=3", r"^Unknown parameter loss\.ww\. Did you mean loss\.w\?"),
        ("+loss.ww=3", r"Unknown parameter loss\.ww\. Did you mean loss\.w\?"),
        ("loss.soft_temperature=0.1", r"^Unknown parameter loss\.soft_temperature\. "),
        ("loss.w=3", r"loss\.w=3 is not allowed"),
        ("loss.w=0,5", r'^loss\.w="0,5" is not allowed: it should be a valid number$'),
        ("sede=1", r"^Unknown parameter sede\. Did you mean seed\?"),
        ("data.rooot=/x", r"^Unknown parameter data\.rooot\. Did you mean data\.root\?"),
        ("data.rööt=x", r'^"data\.rööt=x" cannot be read; expected key=value'),
        ("~seed", r"^seed is missing in params\.yaml"),
        ("photos", r"""^"photos" cannot be read; expected key=value, .*data\.root='/home/me/my photos'"""),
    ],
)
def test_a_wrong_choice_is_one_sentence(choice, said):
    choices = ["loss=grafit", choice] if "loss." in choice else [choice]
    with pytest.raises(UserError, match=said) as raised:
        compose(CONF, choices)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "root", ["/tmp/nuö", "/tmp/photos (1)", "~/photos", "/tmp/it's", "/tmp/a,b", "/tmp/[a]{b}&c=d", "/tmp/a b"]
)
def test_a_path_of_any_letters_needs_no_quotes(root, tmp_path):
    for choice in (f"data.root={root}", f'data.root="{root}"'):
        (tmp_path / "params.yaml").write_text(compose(CONF, ["data=folder", choice]))
        assert load_parameters(tmp_path / "params.yaml").data.root == root
