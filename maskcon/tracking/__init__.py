"""The MLflow record of a run, at its end and while it trains."""
