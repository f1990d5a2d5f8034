"""What measures have in common."""
