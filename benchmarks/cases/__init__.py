"""The cases of the benchmark, a file for each part of the work; CASES in each lists what is measured there."""
