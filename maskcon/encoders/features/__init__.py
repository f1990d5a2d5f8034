"""Features of a frozen backbone, computed once for all methods, values and seeds."""
