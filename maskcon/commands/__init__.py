"""The commands of ``python -m maskcon``, one file each: add_arguments(parser), main(arguments)."""
