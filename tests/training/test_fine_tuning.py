import torch

from maskcon.training.checkpoint import NoCheckpoints
from maskcon.training.loop import Watcher, train

CPU = torch.device("cpu")


def trained(training_set, parameters, tmp_path):
    return train(training_set, parameters, CPU, NoCheckpoints(tmp_path), Watcher())


def moved(before, after):
    """How far each weight and statistic of an encoder moved."""
    before, after = before.state_dict(), after.state_dict()
    return {name: (after[name].float() - before[name].float()).abs().sum().item() for name in before}


def of_one_step(tiny_parameters, tiny_set, **values):
    """Values with which an epoch is one step, without momentum or decay, so that a step is proportional to its rate."""
    batch = len(tiny_set.images)
    return tiny_parameters(
        {"train.epochs": 1, "train.warmup_epochs": 0, "train.batch_size": batch, "train.weight_decay": 0.0}
        | {f"train.{name}": value for name, value in values.items()}
    )


def test_backbone_moves_at_its_share_of_the_rate(tiny_parameters, tiny_set, tmp_path):
    whole, tenth = (
        trained(tiny_set, of_one_step(tiny_parameters, tiny_set, backbone_rate=share), tmp_path) for share in (1.0, 0.1)
    )
    ratios = {
        name: moved(tenth.untrained, tenth.encoder)[name] / distance
        for name, distance in moved(whole.untrained, whole.encoder).items()
        if name.endswith("weight") and distance
    }
    assert ratios
    torch.testing.assert_close(torch.tensor(list(ratios.values())), torch.full((len(ratios),), 0.1), rtol=1e-2, atol=0)


def test_statistics_of_batch_norm_stay_as_loaded(tiny_parameters, tiny_set, tmp_path):
    distances = {}
    for batch_norm in ("as_loaded", "synchronised"):
        result = trained(tiny_set, tiny_parameters({"train.batch_norm": batch_norm}), tmp_path)
        distances[batch_norm] = moved(result.untrained, result.encoder)
    statistics = [name for name in distances["as_loaded"] if "running_" in name]
    assert statistics
    assert all(distances["as_loaded"][name] == 0 for name in statistics)
    assert all(distances["synchronised"][name] > 0 for name in statistics)
    assert any(distances["as_loaded"][name] > 0 for name in distances["as_loaded"] if name.endswith("weight"))
