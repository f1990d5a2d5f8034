import io
import sys

import torch

from maskcon.training.progress import Progress

LOSS = torch.tensor(1.25)


def row(epoch):
    return {"epoch": epoch, "loss": 4.5678, "learning_rate": 0.03, "images_per_second": 12345.6, "seconds": 2.0}


def run(epochs, first=1):
    progress = Progress(epochs=epochs, steps=4, batch_size=16)
    if first > 1:
        progress.resumed([row(epoch) for epoch in range(1, first)], steps=0)
    for epoch in range(first, epochs + 1):
        for _ in range(4):
            progress.step_done(epoch, LOSS)
        progress.epoch_done([row(epoch)])
    return progress


def test_one_line_an_epoch_without_a_terminal(capsys):
    run(3)
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 3
    for epoch, line in enumerate(lines, start=1):
        assert f"epoch   {epoch}/3" in line
        assert "loss 4.5678" in line
        assert "12,346 images/s" in line
        assert f"{2 * (3 - epoch)} s left" in line
    assert captured.err == ""


def test_some_ten_lines_of_many_epochs_without_a_terminal(capsys):
    run(95)
    epochs = [int(line.split()[1].split("/")[0]) for line in capsys.readouterr().out.splitlines()]
    assert epochs == [10, 20, 30, 40, 50, 60, 70, 80, 90, 95]


def test_resumed_within_an_epoch(capsys):
    progress = Progress(epochs=4, steps=4, batch_size=16)
    progress.resumed([row(1), row(2)], steps=3)
    assert capsys.readouterr().out == "resumed after epoch 2 and 3 steps of 4\n"
    assert progress.bar.n == 11


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_in_a_terminal(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("maskcon.training.progress.REFRESH_SECONDS", 0)
    progress = run(4, first=3)
    assert progress.bar.n == progress.bar.total == 16
    assert "epoch 4/4" in terminal.getvalue()
    assert "loss 1.250" in terminal.getvalue()
    assert "images/s" in terminal.getvalue()
    assert capsys.readouterr().out == "resumed after epoch 2 of 4\n"
