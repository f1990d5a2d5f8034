"""The short paper of a run."""
