"""maskcon COMMAND, a file each: a docstring, add_arguments(parser) and main(arguments)."""
