"""A trained encoder in people's hands: search, gallery, export."""
