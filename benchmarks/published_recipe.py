"""The published recipe of MaskCon, written afresh from its formulas as a reference to measure against.

It does what the code of Feng and Patras (MaskCon, CVPR 2023) does and nothing faster: a Pillow transform for each
image, a data loader with worker processes, float32 in the usual memory layout, one parameter after the other in the
momentum update, the whole target matrix in separate steps, the loss read after every step, and a retrieval that holds
a tenth of the similarity matrix at a time. Nothing here is shared with maskcon/ but what a case hands in.

    loader = DataLoader(TwoViews(pictures, mean, std), batch_size=128, shuffle=True, drop_last=True, num_workers=4)
    trainer = Trainer(query_network, key_network, keys, labels, temperature=0.1, soft_temperature=0.05, w=0.5)
    for key_view, query_view, coarse in loader:
        trainer.step(key_view, query_view, coarse, learning_rate)
    recalls = recall_at(features, labels, (1, 10, 100))
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms import functional as transforms

# Views

GREY = (128, 128, 128)
SHARE_OF_AREA, ASPECT = (0.2, 1.0), (3 / 4, 4 / 3)
LEVELS = {  # the strength of each of the ten levels
    "ShearY": np.linspace(0, 0.3, 10),
    "TranslateX": np.linspace(0, 150 / 331, 10),
    "TranslateY": np.linspace(0, 150 / 331, 10),
    "Rotate": np.linspace(0, 30, 10),
    "Posterize": np.round(np.linspace(8, 4, 10), 0).astype(int),
    "Solarize": np.linspace(256, 0, 10),
    "Color": np.linspace(0, 0.9, 10),
    "Contrast": np.linspace(0, 0.9, 10),
    "Sharpness": np.linspace(0, 0.9, 10),
    "Brightness": np.linspace(0, 0.9, 10),
}


def rotated(picture: Image.Image, degrees: float) -> Image.Image:
    turned = picture.convert("RGBA").rotate(degrees)
    return Image.composite(turned, Image.new("RGBA", turned.size, (*GREY, 255)), turned).convert(picture.mode)


def transformed(picture: Image.Image, matrix: tuple[float, ...], how: Image.Resampling) -> Image.Image:
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, how, fillcolor=GREY)


OPERATIONS = {  # (picture, strength, sign)
    "Invert": lambda picture, _, sign: ImageOps.invert(picture),
    "AutoContrast": lambda picture, _, sign: ImageOps.autocontrast(picture),
    "Equalize": lambda picture, _, sign: ImageOps.equalize(picture),
    "Posterize": lambda picture, bits, sign: ImageOps.posterize(picture, int(bits)),
    "Solarize": lambda picture, threshold, sign: ImageOps.solarize(picture, threshold),
    "Color": lambda picture, change, sign: ImageEnhance.Color(picture).enhance(1 + sign * change),
    "Contrast": lambda picture, change, sign: ImageEnhance.Contrast(picture).enhance(1 + sign * change),
    "Sharpness": lambda picture, change, sign: ImageEnhance.Sharpness(picture).enhance(1 + sign * change),
    "Brightness": lambda picture, change, sign: ImageEnhance.Brightness(picture).enhance(1 + sign * change),
    "Rotate": lambda picture, degrees, sign: rotated(picture, degrees),
    "TranslateX": lambda picture, share, sign: transformed(
        picture, (1, 0, sign * share * picture.width, 0, 1, 0), Image.Resampling.NEAREST
    ),
    "TranslateY": lambda picture, share, sign: transformed(
        picture, (1, 0, 0, 0, 1, sign * share * picture.height), Image.Resampling.NEAREST
    ),
    "ShearY": lambda picture, slope, sign: transformed(
        picture, (1, 0, 0, sign * slope, 1, 0), Image.Resampling.BICUBIC
    ),
}


def changed(picture: Image.Image, name: str, level: int | None, sign: int) -> Image.Image:
    """One operation of AutoAugment."""
    return OPERATIONS[name](picture, None if level is None else LEVELS[name][level], sign)


def cut(picture: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int], flip: bool) -> Image.Image:
    """The box (top, left, height, width) at ``size`` (height, width), mirrored or not."""
    top, left, height, width = box
    view = picture.crop((left, top, left + width, top + height)).resize(size[::-1], Image.Resampling.BILINEAR)
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else view


class WeakView:
    """Random resized crop and flip of one picture."""

    def __call__(self, picture: Image.Image) -> Image.Image:
        box = RandomResizedCrop.get_params(picture, list(SHARE_OF_AREA), list(ASPECT))
        return cut(picture, box, (picture.height, picture.width), random.random() < 0.5)


class StrongView:
    """A weak view, and then one of the sub-policies, each a pair of (operation, probability, level)."""

    def __init__(self, policy: Sequence):
        self.policy = policy
        self.weak = WeakView()

    def __call__(self, picture: Image.Image) -> Image.Image:
        view = self.weak(picture)
        for name, probability, level in random.choice(self.policy):
            if random.random() < probability:
                view = changed(view, name, level, random.choice((-1, 1)))
        return view


class TwoViews(Dataset):
    """(key view, query view, coarse label) of one image at a time, float32 [3, H, W] and standardised.

    Args:
        images: uint8 [N, H, W, 3].
        coarse: int64 [N].
        policy: AutoAugment's sub-policies.
        mean, std: of the channels.
    """

    def __init__(
        self, images: np.ndarray, coarse: np.ndarray, policy: Sequence, mean: Sequence[float], std: Sequence[float]
    ):
        self.images = images
        self.coarse = coarse
        self.weak, self.strong = WeakView(), StrongView(policy)
        self.mean, self.std = list(mean), list(std)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor, int]:
        picture = Image.fromarray(self.images[place])
        return (
            self.standardised(self.weak(picture)),
            self.standardised(self.strong(picture)),
            int(self.coarse[place]),
        )

    def standardised(self, view: Image.Image) -> Tensor:
        return transforms.normalize(transforms.to_tensor(view), self.mean, self.std)


# The step


class Network(nn.Module):
    """Standardised images to projections: backbone, average over places, Linear, ReLU, Linear; float32, NCHW.

    ``backbone`` and ``projector`` are copied, so that a case can start it from the weights of another network;
    ``pooled`` is the height and width that features are averaged to.
    """

    def __init__(self, backbone: nn.Module, projector: nn.Module, pooled: Sequence[int]):
        super().__init__()
        self.backbone = backbone
        self.pool = nn.AdaptiveAvgPool2d(tuple(pooled))
        self.projector = projector
        self.to(memory_format=torch.contiguous_format)

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.projector(self.pool(self.backbone(images)).flatten(1)), dim=1)


@torch.no_grad()
def momentum_update(key_network: nn.Module, query_network: nn.Module, momentum: float) -> None:
    """One parameter after the other, each made anew."""
    for query_parameter, key_parameter in zip(query_network.parameters(), key_network.parameters(), strict=True):
        key_parameter.data = key_parameter.data * momentum + query_parameter.data * (1 - momentum)


def soft_labels(
    keys: Tensor, queue: Tensor, coarse: Tensor, queue_coarse: Tensor, soft_temperature: float, w: float
) -> Tensor:
    """The target [B, 1 + K] step by step, a matrix for each; keys [B, D], queue [D, K]."""
    with torch.no_grad():
        similarity = keys @ queue / soft_temperature
        same = (coarse[:, None] == queue_coarse[None]).float()
        masked = similarity * same
        masked = masked - masked.max(dim=1, keepdim=True)[0]
        weight = torch.exp(masked) * same
        weight = weight / weight.sum(dim=1, keepdim=True)
        weight = weight / weight.max(dim=1, keepdim=True)[0]
        target = torch.cat([torch.ones(len(keys), 1, device=keys.device), weight], dim=1)
        target = target / target.sum(dim=1, keepdim=True)
        own = torch.zeros_like(target)
        own[:, 0] = 1
        return w * target + (1 - w) * own


def contrast(query: Tensor, keys: Tensor, queue: Tensor, target: Tensor, temperature: float) -> Tensor:
    """- mean_i sum_j Z_ij log softmax([q.k, q.queue] / temperature)_j; queue [D, K]."""
    positive = torch.einsum("nc,nc->n", query, keys).unsqueeze(-1)
    negative = torch.einsum("nc,ck->nk", query, queue.clone().detach())
    logits = torch.cat([positive, negative], dim=1) / temperature
    return -torch.sum(target * F.log_softmax(logits, dim=1), dim=1).mean()


class Trainer:
    """Query and key network, queue and optimiser, and the step that moves them.

    Args:
        keys: float32 [K, D] and coarse: int64 [K], what the queue holds at first.
    """

    def __init__(
        self,
        query_network: Network,
        key_network: Network,
        keys: Tensor,
        coarse: Tensor,
        temperature: float,
        soft_temperature: float,
        w: float,
        key_momentum: float = 0.99,
        sgd_momentum: float = 0.9,
        weight_decay: float = 5e-4,
    ):
        self.query_network, self.key_network = query_network.train(), key_network.train().requires_grad_(False)
        self.queue, self.queue_coarse = keys.T.contiguous(), coarse.clone()
        self.position = torch.zeros(1, dtype=torch.int64, device=keys.device)
        self.temperature, self.soft_temperature, self.w = temperature, soft_temperature, w
        self.key_momentum = key_momentum
        self.optimizer = torch.optim.SGD(
            query_network.parameters(), lr=0.0, momentum=sgd_momentum, weight_decay=weight_decay
        )

    def step(self, key_view: Tensor, query_view: Tensor, coarse: Tensor, learning_rate: float) -> float:
        """One step of training; returns the loss as a number, which waits for the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        momentum_update(self.key_network, self.query_network, self.key_momentum)
        query = self.query_network(query_view)
        with torch.no_grad():
            shuffled = torch.randperm(len(key_view), device=key_view.device)
            keys = self.key_network(key_view[shuffled])[shuffled.argsort()]
        target = soft_labels(keys, self.queue, coarse, self.queue_coarse, self.soft_temperature, self.w)
        loss = contrast(query, keys, self.queue, target, self.temperature)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.enqueue(keys, coarse)
        return loss.item()

    @torch.no_grad()
    def enqueue(self, keys: Tensor, coarse: Tensor) -> None:
        """K must be a multiple of the batch size."""
        start = int(self.position)
        self.queue[:, start : start + len(keys)] = keys.T
        self.queue_coarse[start : start + len(keys)] = coarse
        self.position[0] = (start + len(keys)) % self.queue.shape[1]


# Retrieval

CHUNKS = 10


@torch.no_grad()
def recall_at(features: Tensor, labels: Tensor, ranks: Sequence[int]) -> dict[int, float]:
    """Recall@K: a tenth of all similarities at a time, the most similar dropped as the query itself.

    Args:
        features: float32 [N, F], unit rows; labels: int64 [N].
    """
    most = max(ranks) + 1
    hits = dict.fromkeys(ranks, 0)
    number = len(features)
    chunk = -(-number // CHUNKS)
    for start in range(0, number, chunk):
        rows = slice(start, min(start + chunk, number))
        similarity = features[rows] @ features.T
        _, nearest = torch.topk(similarity, most, dim=1)
        same = labels[nearest[:, 1:]] == labels[rows, None]
        for rank in ranks:
            hits[rank] += int(same[:, :rank].any(dim=1).sum())
    return {rank: count / number for rank, count in hits.items()}
