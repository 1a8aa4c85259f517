"""Training on a GPU, where there is one: the steps that the processor makes."""

from __future__ import annotations

import pytest
import torch

from helpers.interrupting import interrupted_after
from helpers.network_trainings import command, make_sheets_small, painted, training_data
from helpers.process_groups import folder as folder
from helpers.process_groups import gradients, task
from helpers.random_inputs import random_encoder
from helpers.trainings import SETTINGS as DISTIL
from helpers.trainings import log_of
from impasto.cli.main import run
from impasto.encoders.vgg import Architecture
from impasto.images.picture import list_pictures
from impasto.networks.files import load_network
from impasto.training.crops import Crops
from impasto.training.distillation import Distillation
from impasto.training.distributed import Workers

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of float32, where a GPU would round what it multiplies to ten bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize("kind", ["any", "fixed", "batch"])
def test_losses_and_gradients_are_those_of_the_processor(kind, folder):
    found = []
    for device in ("cpu", "cuda"):
        made = task(kind, folder, Workers(torch.device(device)))
        assert made.settings.precision == "float32"
        losses = made.losses(3, 64)
        sum(losses.values()).backward()
        assert {p.device.type for p in made._modules.parameters()} == {device}
        found.append((losses, [g.cpu() for g in gradients(made)]))
    (here, gradients_here), (there, gradients_there) = found
    for name, value in here.items():
        torch.testing.assert_close(there[name].cpu(), value, rtol=1e-4, atol=1e-6)
    scale = max(float(gradient.abs().max()) for gradient in gradients_here)
    for gradient, other in zip(gradients_here, gradients_there, strict=True):
        torch.testing.assert_close(other, gradient, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize("kind", ["any", "fixed"])
def test_steps_whose_pictures_were_made_ahead(kind, folder):
    """Batches are those of seed and step, in whatever order they are computed."""
    made, other = (task(kind, folder, Workers(torch.device("cuda"))) for _ in range(2))
    told = [made.losses(step, size) for step, size in ((0, 64), (1, 64), (1, 48), (5, 64))]
    again = [other.losses(step, size) for step, size in ((5, 64), (1, 48), (0, 64), (1, 64))]
    for here, there in zip(told, (again[2], again[3], again[1], again[0]), strict=True):
        for name, value in here.items():
            torch.testing.assert_close(there[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("what", ["any-style", "multi-style", "per-style"])
def test_by_command_in_the_quicker_type_and_on_after_a_stop(what, tmp_path, monkeypatch):
    make_sheets_small(monkeypatch)
    data = training_data(tmp_path / "data")
    whole, parted = tmp_path / "whole.safetensors", tmp_path / "parted.safetensors"
    # The rate is a hundredth of this at first: weights move far enough to differ.
    words = ["--device", "cuda", "--validate-every", "2", "--tensorboard", "--learning-rate", "0.4"]
    assert run(command(data, what, whole, "--steps", "4", *words)) == 0
    model = load_network(whole)
    vector = torch.zeros(model.network.style_size)
    assert painted(model, vector).isfinite().all()
    rows = log_of(tmp_path / "whole-run")
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]
    assert all(float(value) == float(value) for row in rows[1:] for value in row)
    with interrupted_after(2):
        assert run(command(data, what, parted, "--steps", "4", *words)) == 130
    assert run(command(data, what, parted, "--steps", "4", *words)) == 0
    # A GPU's sums have no fixed order: the same but for rounding, which grows with every step.
    told = [torch.tensor([[float(value) for value in row[2:]] for row in log[1:]])
            for log in (rows, log_of(tmp_path / "parted-run"))]  # fmt: skip
    torch.testing.assert_close(told[1], told[0], rtol=0.03, atol=1e-4)
    assert float((told[0][3] - told[0][0]).abs().max()) > 0.1 * float(told[0][0].max())


def test_a_teacher_teaches(folder):
    crops = Crops(list_pictures(folder), 64)
    teacher = random_encoder(Architecture((8, 12, 16, 16, 16), (2, 2, 4, 4, 1)))
    made = Distillation(teacher, crops, crops, DISTIL, device=torch.device("cuda"))
    losses = [sum(made.step(step, 30)[0].values()) for step in range(30)]
    assert sum(losses[-5:]) < sum(losses[:5])
