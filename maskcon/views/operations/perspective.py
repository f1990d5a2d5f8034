"""A part of each photo, half of them as seen from another side: what all views of photos begin with."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from maskcon.views.operations.crop import draw_crops, resized_crop
from maskcon.views.operations.draws import changed, chosen, draw_for_each

SMALLEST_AND_LARGEST_SHARE = (0.2, 1.0)  # of the photo's area, in a crop
DISTORTION = 0.5  # a corner moves at most so far towards the middle, in halves of a side
PERSPECTIVE_SHARE = 0.5  # of the views


def crop_in_perspective(
    images: Tensor, generator: Generator, size: tuple[int, int] | None = None, stretch: Tensor | None = None
) -> Tensor:
    """Random resized crop to ``size``, flip, and a change of perspective of half the views.

    Args:
        images: uint8 [B, 3, H, W].
        stretch: see crop.draw_crops.

    Returns:
        float32 [B, 3, *size] in [0, 1].
    """
    height, width = images.shape[2:]
    crops = draw_crops(len(images), height, width, generator, scale=SMALLEST_AND_LARGEST_SHARE, stretch=stretch)
    views = resized_crop(images, crops, size or (height, width)) / 255
    corners = draw_corners(len(views), views.shape[2], views.shape[3], generator)
    return changed(views, chosen(len(views), PERSPECTIVE_SHARE, generator), change_perspective, corners)


def draw_corners(number: int, height: int, width: int, generator: Generator) -> Tensor:
    """Where the corners of each image go, by the law of torchvision's RandomPerspective.

    Returns:
        float32 [number, 4, 2]: x and y in pixels of the top left, top right, bottom right and bottom left corner, each
        a whole number drawn evenly from the quarter of the image around it that DISTORTION allows.
    """
    far_x, far_y = int(DISTORTION * (width // 2)), int(DISTORTION * (height // 2))

    def draw(far: int) -> Tensor:
        return draw_for_each(
            lambda number: torch.randint(0, far + 1, (number, 4), generator=generator), number, generator
        )

    x, y = draw(far_x), draw(far_y)
    x[:, [1, 2]] = width - 1 - x[:, [1, 2]]
    y[:, [2, 3]] = height - 1 - y[:, [2, 3]]
    return torch.stack([x, y], dim=2).float()


def change_perspective(images: Tensor, corners: Tensor) -> Tensor:
    """Each image with its corners moved to ``corners`` [b, 4, 2], bilinear, black around it.

    The point (x, y) of the result shows the point (u, v) of the image,

        u = (a x + b y + c) / (g x + h y + 1),   v = (d x + e y + f) / (g x + h y + 1),

    with a to h such that the new corners show the old ones: eight linear equations, two a corner.
    """
    number, _, height, width = images.shape
    right, bottom = width - 1.0, height - 1.0
    old = torch.tensor([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]], dtype=torch.float64)
    x, y = corners.cpu().double().unbind(2)  # [b, 4]
    u, v = old.expand(number, 4, 2).unbind(2)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    for_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=2)
    for_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=2)
    solution = torch.linalg.solve(torch.cat([for_u, for_v], dim=1), torch.cat([u, v], dim=1))  # [b, 8]
    matrices = torch.cat([solution, one[:, :1]], dim=1).view(number, 3, 3).float().to(images.device)

    columns = torch.arange(width, device=images.device) + 0.5  # torchvision measures at the middles of pixels
    rows = torch.arange(height, device=images.device) + 0.5
    points = torch.stack([*torch.meshgrid(columns, rows, indexing="xy"), torch.ones(height, width).to(images.device)])
    shown = matrices @ points.flatten(1)  # [b, 3, H W]
    shown = (shown[:, :2] / shown[:, 2:]).transpose(1, 2).view(number, height, width, 2)
    grid = shown / torch.tensor([width / 2, height / 2], device=images.device) - 1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
