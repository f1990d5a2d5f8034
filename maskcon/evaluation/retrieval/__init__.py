"""Nearest neighbours, Recall@K and average precision, with intervals."""
