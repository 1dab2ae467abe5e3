"""Examples a second of `cnndsl train`, and of a loop over PyTorch written by hand: same module, arrays and settings.

    python -m benchmarks.train_speed [--rounds N] [--threads N]

Both train an epoch in turns, so that they meet the same load; the medians are compared. With one thread, the default,
CPU time is measured, which other load hardly disturbs. Needs PyTorch.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import cnndsl

BAR = 0.95
BATCH = 64
NETWORKS = {
    "digits, 1@8x8": (
        "input 1@8x8\nconv 16 3x3 pad=1 -> relu\nconv 32 3x3 pad=1 -> relu -> maxpool 2x2\n"
        "conv 64 3x3 pad=1 -> relu -> maxpool 2x2\nflatten -> dropout 0.5 -> dense 10 -> softmax",
        1280,
    ),
    "colour pictures, 3@32x32": (
        "input 3@32x32\nrepeat 3 { conv 32 3x3 pad=1 -> batchnorm -> relu -> maxpool 2x2 }\n"
        "flatten -> dense 10 -> softmax",
        640,
    ),
}
"""A text, and how many examples an epoch has."""


def ours(net: cnndsl.Network, x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """An epoch of the command's loop."""
    from cnndsl.training.data.load import load_examples
    from cnndsl.training.data.split import split
    from cnndsl.training.loop import Interrupts, Loop
    from cnndsl.training.model import Learner, Switches
    from cnndsl.training.processes import Processes
    from cnndsl.training_settings import Training

    settings = Training(batch=BATCH, validation=0.0, epochs=1000)
    examples, parts = load_examples((x, y), net.graph, settings.loss), split(y, 0.0, 0)
    switches = Switches(device="cpu")
    learner = Learner(net.graph, net.weights(), settings, examples, parts.training, switches, Processes())
    loop = Loop(learner, settings, parts, None, Processes())
    return lambda: loop._epoch(Interrupts())


def by_hand(net: cnndsl.Network, x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """The same as a tutorial of PyTorch writes it."""
    import torch

    logits = cnndsl.from_json(net.to_json()).graph
    logits = logits.model_copy(update={"layers": logits.layers[:-1], "outputs": (logits.layers[-2].name,)})
    module = cnndsl.Network(logits).to_torch()
    examples, labels = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000 * -(-len(x) // BATCH))

    def epoch() -> float:
        module.train()
        total, right = 0.0, 0
        for rows in torch.randperm(len(examples)).split(BATCH):
            inputs, wanted = examples[rows].float() / 255, labels[rows]
            outputs = module(inputs)
            loss = torch.nn.functional.cross_entropy(outputs, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
            right += (outputs.argmax(dim=1) == wanted).sum().item()
        return total / len(examples) + right

    return epoch


def main() -> int:
    parser = argparse.ArgumentParser(description="Examples a second.")
    parser.add_argument("--rounds", type=int, default=15, help="epochs of each")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch; with one, CPU time is measured")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    missed = False
    for name, (text, count) in NETWORKS.items():
        net, chance = cnndsl.loads(text), np.random.default_rng(0)
        shape = (count, *net.graph.inputs[0].shape.dimensions)
        x, y = chance.integers(0, 256, shape, np.uint8), np.arange(count) % 10
        loops = {"ours": ours(net, x, y), "by hand": by_hand(net, x, y)}
        times: dict[str, list[float]] = {who: [] for who in loops}
        for turn in range(options.rounds + 2):
            for who, epoch in loops.items():
                begun = clock()
                epoch()
                if turn >= 2:
                    times[who].append(clock() - begun)
        speed = {who: count / statistics.median(found) for who, found in times.items()}
        ratio = speed["ours"] / speed["by hand"]
        missed = missed or ratio < BAR
        told = ", ".join(f"{who} {number:,.0f}" for who, number in speed.items())
        print(f"{name}: examples/s {told}; ratio {ratio:.3f} (bar {BAR})", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
