"""Measures beside Recall@K, each a file of its own; feature_measures.py takes one feature file through them."""
