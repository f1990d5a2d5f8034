"""Images to feature files."""
