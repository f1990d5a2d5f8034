import pytest


@pytest.mark.fault
def test_a_number_that_makes_no_sense_is_refused_before_anything_is_run(refusal):
    said = refusal("grid", "grids/cifartoy.yaml", "--workers", "0")
    assert "--workers 0 is not allowed: it should be at least 1" in said
