"""Source files downloaded, checked and unpacked."""
