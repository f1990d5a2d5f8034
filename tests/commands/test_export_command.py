import pytest


@pytest.mark.fault
def test_what_is_known_before_work_starts(workspace, refusal):
    assert "no recorded run has this models/encoder.pt" in refusal("export", "--formats", "torch", "mlflow")
    printed = refusal("export", "--formats", "torch", "--folder", "README.md")
    assert printed.startswith("error: cannot write README.md/labels.json: Not a directory; a file is where a folder")
    for file in ("images.npy", "labels.csv"):
        (workspace / "data/sets/two_digits/test" / file).unlink()
    assert "data/sets/two_digits/test does not hold the images" in refusal("export", "--formats", "torch")
    (workspace / "models/encoder.pt").unlink()
    assert refusal("export").startswith("error: there is no models/encoder.pt in this folder")
    assert not (workspace / "exports").exists()
