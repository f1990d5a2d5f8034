"""Batch norm over the batch of all processes.

    y = (x - m) / sqrt(v + eps) * weight + bias
    m = 1/N sum_r m_r,    v = 1/N sum_r (v_r + (m_r - m)^2)

with mean m_r and variance v_r of each process's share of the batch, all of one size: m and v are then those of the
joined batch, forward and, by what autograd makes of it, backward. On a GPU torch has it (SyncBatchNorm); what is here
does the same on the CPU, where torch has none.

Source: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
"""

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather


def synchronised(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with each BatchNorm2d exchanged for one over all processes, under the same names."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                joint = JointBatchNorm(layer.num_features, layer.eps, layer.momentum)
                joint.load_state_dict(layer.state_dict())
                setattr(parent, name, joint)
    return network


class JointBatchNorm(nn.BatchNorm2d):
    """BatchNorm2d whose statistics, in training, are those of the joined batch."""

    def forward(self, images: Tensor) -> Tensor:
        """[b, c, H, W] -> the same shape and type; statistics are float32."""
        if not self.training:
            return super().forward(images)
        exact = images.float()
        variances, means = torch.var_mean(exact, dim=(0, 2, 3), correction=0)  # v_r, m_r
        variances, means = torch.stack(all_gather(torch.stack([variances, means]))).unbind(1)  # [N, c] each
        mean = means.mean(dim=0)
        variance = (variances + (means - mean).square()).mean(dim=0)
        if self.num_batches_tracked is not None:  # it is None where a micro-batch is encoded again
            self._follow(mean.detach(), variance.detach(), len(means) * images.numel() // len(mean))
        scale = self.weight / (variance + self.eps).sqrt()
        normalised = (exact - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]
        return normalised.to(images.dtype)

    def _follow(self, mean: Tensor, variance: Tensor, number: int) -> None:
        """Move the running statistics by those of so many pixels; the variance without bias, as torch's layers do."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (number / (number - 1)), self.momentum)
