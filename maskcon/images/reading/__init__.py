"""Published formats and folders of photos, read as images and labels."""
