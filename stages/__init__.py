"""The stages of dvc.yaml, one thin script each: read parameters, call maskcon, write files."""

import maskcon.runtime.start  # noqa: F401  before any library is loaded
