"""Values that methods have in common. A method's own class is ``Values`` in maskcon/methods/NAME.py."""

from maskcon.parameters.values import Group, Temperature


class Contrast(Group):
    name: str
    """The method: a file of maskcon/methods and a preset."""
    temperature: Temperature
    """Temperature of the softmax over the image's own key and the queue."""
