"""What learns: the whole network, from images, or an adapter, from stored features of a frozen backbone.

what = what_learns(training_set, parameters, device, processes)
learner = build_learner(parameters, coarse_classes, device, processes, what.adapter, what.queue_size)
what.encoder(learner.query_network)             # as it is now, to be saved
"""

import copy

import torch

from maskcon.encoders.features.stored import read_stored_views, require_backbone
from maskcon.encoders.networks import Encoder, ProjectedEncoder, build_encoder
from maskcon.encoders.networks.adapter import Adapter, Readout, whitening
from maskcon.images.packed.image_set import TrainingSet
from maskcon.images.packed.image_stream import resident_or_streamed
from maskcon.parameters.model import Parameters
from maskcon.training.batches import TwoViewBatches
from maskcon.training.feature_batches import FeatureBatches
from maskcon.training.processes import Processes
from maskcon.views.operations.families import view_maker


class WholeNetwork:
    """Every layer learns, from views that are made for each batch."""

    adapter: Adapter | None = None

    def __init__(
        self, training_set: TrainingSet, parameters: Parameters, device: torch.device, processes: Processes
    ) -> None:
        data, recipe = parameters.data, parameters.train
        view_size = data.height, data.width
        self.queue_size = recipe.queue_size
        self.batches = TwoViewBatches(
            resident_or_streamed(training_set.images, data.channels, device, recipe.resident_share),
            torch.from_numpy(training_set.coarse).to(device),
            view_maker(data.augmentation, recipe.query_view, view_size),
            view_maker(data.augmentation, recipe.key_view, view_size),
            recipe.batch_size,
            parameters.seed,
            None if training_set.stretch is None else torch.from_numpy(training_set.stretch),
            processes,
            view_size,
        )

    def encoder(self, network: ProjectedEncoder) -> Encoder:
        """The network's encoder itself, which goes on learning."""
        return network.encoder

    def before_training(self, network: ProjectedEncoder) -> tuple[Encoder, Encoder | None]:
        """The untrained encoder, and none that is whitened."""
        return copy.deepcopy(network.encoder), None


class AdapterOnFeatures:
    """The backbone stays as it was loaded; an adapter that whitens its features, at first without changing them
    otherwise, learns from those that the stage ``features`` has stored."""

    def __init__(
        self, training_set: TrainingSet, parameters: Parameters, device: torch.device, processes: Processes
    ) -> None:
        recipe, values, images = parameters.train, parameters.model.adapter, len(training_set.coarse)
        # With few views of each image a longer queue would hold several keys of every one.
        self.queue_size = min(recipe.queue_size, images // 2)
        require_backbone(parameters.model)
        self.epochs, self.readout = recipe.epochs, values.readout
        names = {recipe.query_view, recipe.key_view, "whole"}
        views = {name: read_stored_views(name, images) for name in names}
        self.batches = FeatureBatches(
            views[recipe.query_view],
            views[recipe.key_view],
            views["whole"][0],
            torch.from_numpy(training_set.coarse).to(device),
            recipe.batch_size,
            parameters.seed,
            processes,
        )
        whole = self.batches.whole(torch.arange(images))
        self.adapter = Adapter(*whitening(whole, values.directions, values.whitening))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(parameters.data.seed)  # as the stage features had it
            self.backbone = build_encoder(parameters.model, parameters.data).eval()

    def encoder(self, network: ProjectedEncoder) -> Encoder:
        """Backbone and adapter as one encoder, a copy; where nothing is trained, the backbone alone."""
        return self._with_adapter(network, self.readout) if self.epochs else self.backbone

    def before_training(self, network: ProjectedEncoder) -> tuple[Encoder, Encoder | None]:
        """The backbone as loaded, and with its features whitened."""
        return self.backbone, self._with_adapter(network, "features")

    def _with_adapter(self, network: ProjectedEncoder, readout: str) -> Encoder:
        encoder = copy.deepcopy(self.backbone)
        encoder.adapter = copy.deepcopy(Readout(network.encoder, readout, network.projector)).cpu()
        return encoder.eval()


def what_learns(
    training_set: TrainingSet, parameters: Parameters, device: torch.device, processes: Processes
) -> WholeNetwork | AdapterOnFeatures:
    """As train.backbone says."""
    kind = AdapterOnFeatures if parameters.train.backbone == "frozen" else WholeNetwork
    return kind(training_set, parameters, device, processes)
