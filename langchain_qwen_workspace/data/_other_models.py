"""Families of models that no component of this package calls: what each is, and which class of the SDK calls it.

Source: the models that the samples and docstrings of dashscope 2.0.2 name, and the classes that take them.
"""

from __future__ import annotations

_IMAGE = "an image model; use `ImageSynthesis` or `ImageGeneration` of the `dashscope` SDK"
_VIDEO = "a video model; use `VideoSynthesis` of the `dashscope` SDK"
_SPEECH = "a speech synthesis model; use `dashscope.audio.tts_v2` or `MultiModalConversation` of the `dashscope` SDK"
_RECOGNITION = "a speech recognition model; use `dashscope.audio.asr` of the `dashscope` SDK"

OTHER_MODELS: tuple[tuple[str, str], ...] = (
    ("wan*-t2v*", _VIDEO),
    ("wan*-i2v*", _VIDEO),
    ("wan*-r2v*", _VIDEO),
    ("wan*-kf2v*", _VIDEO),
    ("wanx-*video*", _VIDEO),
    ("wanx*", _IMAGE),
    ("wan[0-9]*", _IMAGE),
    ("qwen-image*", _IMAGE),
    ("cosyvoice*", _SPEECH),
    ("qwen*-tts*", _SPEECH),
    ("paraformer*", _RECOGNITION),
    ("fun-asr*", _RECOGNITION),
    ("sensevoice*", _RECOGNITION),
)
"""By shell patterns of names, the first one that matches counts: the end of a sentence that begins with the name."""
