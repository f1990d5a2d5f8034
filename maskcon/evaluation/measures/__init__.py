"""One file a measure beside Recall@K."""
