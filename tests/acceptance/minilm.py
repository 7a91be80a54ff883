"""all-MiniLM-L6-v2 computed from its files with numpy: what it takes to say that a downloaded model really works."""

import json
import math
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer


class MiniLM:
    """The sentence encoder in `folder`: a BERT of six layers, averaged over the tokens and normalised."""

    def __init__(self, folder: Path):
        self.config = json.loads((folder / "config.json").read_text())
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        weights = load_file(folder / "model.safetensors")
        self.weights = {name.removeprefix("bert."): weight for name, weight in weights.items()}

    def embed(self, text: str) -> np.ndarray:
        tokens = self.tokenizer.encode(text).ids
        embeddings = "embeddings.{}_embeddings.weight"
        x = self.weights[embeddings.format("word")][tokens]
        x = x + self.weights[embeddings.format("position")][: len(tokens)]
        x = self.normalise("embeddings.LayerNorm", x + self.weights[embeddings.format("token_type")][0])
        for number in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{number}"
            attended = self.linear(f"{layer}.attention.output.dense", self.attend(f"{layer}.attention.self", x))
            x = self.normalise(f"{layer}.attention.output.LayerNorm", x + attended)
            inner = gelu(self.linear(f"{layer}.intermediate.dense", x))
            x = self.normalise(f"{layer}.output.LayerNorm", x + self.linear(f"{layer}.output.dense", inner))
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def attend(self, name: str, x: np.ndarray) -> np.ndarray:
        heads = self.config["num_attention_heads"]
        query, key, value = (
            self.linear(f"{name}.{part}", x).reshape(len(x), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return (weights @ value).swapaxes(0, 1).reshape(len(x), -1)

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def normalise(self, name: str, x: np.ndarray) -> np.ndarray:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt(x.var(axis=-1, keepdims=True) + self.config["layer_norm_eps"])
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2
