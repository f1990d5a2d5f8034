"""Backbones: one file each, chosen by model.name. A file holds ``Values`` and ``build(values, data, weights)``.

``build`` returns a maskcon.encoders.networks.backbone.Backbone. It starts from ``values.weights``, unless ``weights``
is False, because the weights of an encoder file follow.
"""
