"""One thin script a stage of dvc.yaml, and what the Makefile calls beside them."""
