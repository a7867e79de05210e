"""Makes a tiny Qwen3 of random weights, with a tokenizer trained on the spot, for a local server.

    python tests/support/tiny_qwen.py FOLDER

Runs in the environment of the server (`make local-server`), which has `mlx-lm` and `tokenizers`.
"""

# ruff: noqa: PLC0415 - the tests import the module in an environment that does not have these packages

import json
import sys
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent.parent.parent / "docs" / "how-to"
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>")
# The parts of Qwen3's template that these tests need.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content or m.reasoning %}"
    "<think>\n{{ m.reasoning_content or m.reasoning }}\n</think>\n\n{% endif %}"
    "{{ m.content or '' }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% else %}<think>\n{% endif %}{% endif %}"
)


def make_tiny_qwen(folder: Path) -> None:
    """Write the model's files into a folder."""
    import mlx.core as mx  # type: ignore[import-not-found]  # the server's environment has it
    from mlx.utils import tree_flatten  # type: ignore[import-not-found]  # same
    from mlx_lm.models.qwen3 import Model, ModelArgs  # type: ignore[import-not-found]  # same

    folder.mkdir(parents=True, exist_ok=True)
    size = _train_tokenizer(folder)
    config: dict[str, Any] = {
        "model_type": "qwen3",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 1e-6,
        "vocab_size": size,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "rope_theta": 10000.0,
    }
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": SPECIAL.index("<|im_end|>")}))
    mx.random.seed(4)
    weights = dict(tree_flatten(Model(ModelArgs(**config)).parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})


def _train_tokenizer(folder: Path) -> int:
    """Train a tokenizer on the documentation, and return the size of its vocabulary."""
    from tokenizers import (  # type: ignore[import-not-found]  # the server's environment has it
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
        trainers,
    )

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=list(SPECIAL), initial_alphabet=alphabet)
    tokenizer.train([str(path) for path in sorted(TEXTS.glob("*.md"))], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return int(tokenizer.get_vocab_size())


if __name__ == "__main__":
    make_tiny_qwen(Path(sys.argv[1]))
