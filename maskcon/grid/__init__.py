"""A grid of experiments: what it asks for, what of it the store has, and the workers that run the rest."""
