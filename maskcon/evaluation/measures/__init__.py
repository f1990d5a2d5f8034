"""One file per measure beside Recall@K; what a file holds is in shared/measured.py."""
