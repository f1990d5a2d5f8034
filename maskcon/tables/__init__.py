"""Tables of runs: read from the tracking store or an export of it, averaged over seeds, compared, written."""
