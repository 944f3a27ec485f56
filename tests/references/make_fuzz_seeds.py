#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the fuzz targets into tests/fuzz/seeds: at least one valid file of every type each reader knows, as small
as the type allows, and a few broken ones. Needs numpy, sentencepiece and gguf 0.18
or later. Deterministic."""
import base64
import json
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec

SEEDS = Path(__file__).resolve().parent.parent / "fuzz" / "seeds"
RANDOM = np.random.default_rng(20260113)


def put(target, name, content):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def pack(files):
    """The form tests/fuzz/scratch_folder.h unpacks."""
    return b"\n".join(b"=====FILE " + name.encode() + b"\n" + (c if isinstance(c, bytes) else c.encode()) for name, c in files.items())


# ---- GGUF ------------------------------------------------------------------------------------------------------------
def gguf_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(value):
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    items = value
    if isinstance(items[0], str):
        return struct.pack("<IIQ", 9, 8, len(items)) + b"".join(map(gguf_string, items))
    kind, code = (6, "f") if isinstance(items[0], float) else (5, "i")
    return struct.pack("<IIQ", 9, kind, len(items)) + struct.pack(f"<{len(items)}{code}", *items)


def gguf_file(metadata, tensors, version=3, alignment=32):
    """`tensors`: name -> (dims in ggml's order, type number, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(gguf_string(key) + gguf_value(value) for key, value in metadata.items())
    data = b""
    for name, (dims, kind, content) in tensors.items():
        head += gguf_string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims) + struct.pack("<IQ", kind, len(data))
        data += content + bytes(-len(content) % alignment)
    return head + bytes(-len(head) % alignment) + data


def block_bytes(kind, blocks):
    """Random blocks whose half-precision scales are ordinary numbers, wherever in the block they lie."""
    _, size = gguf.GGML_QUANT_SIZES[kind]
    data = RANDOM.integers(0, 256, (blocks, size), dtype=np.uint8)
    scale = np.frombuffer(np.float16(0.03).tobytes(), np.uint8)
    for at in {0, 2, size - 2, 108, 16} if kind.name != "BF16" else set():
        if at + 2 <= size:
            data[:, at:at + 2] = scale
    return data.tobytes()


BYTE_TOKENS = [f"<0x{b:02X}>" for b in range(256)]


def llama_tensors(hidden, inner, vocabulary):
    def random(*shape):
        return shape[::-1], 0, (RANDOM.standard_normal(shape) * 0.1).astype("<f4").tobytes()
    names = {"token_embd.weight": random(vocabulary, hidden), "blk.0.attn_norm.weight": random(hidden),
             "blk.0.ffn_norm.weight": random(hidden), "output_norm.weight": random(hidden)}
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        names[f"blk.0.{name}.weight"] = random(hidden, hidden)
    for name in ("ffn_gate", "ffn_up"):
        names[f"blk.0.{name}.weight"] = random(inner, hidden)
    names["blk.0.ffn_down.weight"] = random(hidden, inner)
    return names


def llama_metadata(hidden, inner, vocabulary, tokenizer):
    return {"general.architecture": "llama", "general.name": "seed", "llama.block_count": 1, "llama.context_length": 64,
            "llama.embedding_length": hidden, "llama.feed_forward_length": inner, "llama.attention.head_count": 2,
            "llama.attention.head_count_kv": 2, "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 10000.0,
            "llama.rope.dimension_count": hidden // 2, "llama.vocab_size": vocabulary, **tokenizer}


def alphabet():
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    rest = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(rest)) for b in range(256)]


def write_gguf():
    kinds = {kind.name: kind for kind in gguf.GGMLQuantizationType}
    for name in ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"):
        kind = kinds[name]
        values, _ = gguf.GGML_QUANT_SIZES[kind]
        width = max(values, 8)
        content = (np.zeros(2 * width, "<f4") + 0.5).tobytes() if name == "F32" else block_bytes(kind, 2 * width // values)
        put("gguf", f"valid-{name.lower()}.gguf",
            gguf_file({"general.architecture": "llama"}, {"t": ((width, 2), int(kind), content)}))
    simple = {"t": ((8,), 0, bytes(32))}
    put("gguf", "valid-version2.gguf", gguf_file({"general.architecture": "llama", "a": [1, 2], "b": ["x", "y"], "c": [0.5], "d": True}, simple, 2))
    put("gguf", "valid-alignment64.gguf", gguf_file({"general.architecture": "llama", "general.alignment": 64}, simple, 3, 64))
    letters = ["<s>", "</s>"] + alphabet() + ["he", "ll"]
    put("gguf", "valid-byte-level.gguf", gguf_file(
        llama_metadata(8, 16, len(letters), {
            "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm", "tokenizer.ggml.tokens": letters,
            "tokenizer.ggml.token_type": [3, 3] + [1] * (len(letters) - 2), "tokenizer.ggml.merges": ["h e", "l l"],
            "tokenizer.ggml.bos_token_id": 0, "tokenizer.ggml.eos_token_id": 1,
            "tokenizer.chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}),
        llama_tensors(8, 16, len(letters))))
    pieces = ["<unk>", "<s>", "</s>"] + BYTE_TOKENS + ["\u2581", "a", "b", "\u2581a", "ab"]
    put("gguf", "valid-sentencepiece.gguf", gguf_file(
        llama_metadata(8, 16, len(pieces), {
            "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": pieces, "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * 5,
            "tokenizer.ggml.scores": [0.0] * 259 + [-3.0, -4.0, -5.0, -1.0, -2.0], "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0, "tokenizer.ggml.add_bos_token": True,
            "tokenizer.ggml.add_space_prefix": True}),
        llama_tensors(8, 16, len(pieces))))
    put("gguf", "bad-truncated.gguf", gguf_file({"general.architecture": "llama"}, simple)[:70])


# ---- safetensors in a Hugging Face folder ----------------------------------------------------------------------------
DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int8": "I8", "int32": "I32", "int64": "I64", "uint8": "U8"}


def bfloat16(values):
    return (np.asarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()


def safetensors(tensors):
    """`tensors`: name -> (dtype, shape, bytes)."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tensor(shape, dtype="F32"):
    values = (RANDOM.standard_normal(shape) * 0.1).astype("<f4")
    content = {"F32": values.tobytes, "F16": lambda: values.astype("<f2").tobytes(), "BF16": lambda: bfloat16(values)}[dtype]()
    return dtype, shape, content


LINEARS = {"self_attn.q_proj": (8, 8), "self_attn.k_proj": (8, 8), "self_attn.v_proj": (8, 8), "self_attn.o_proj": (8, 8),
           "mlp.gate_proj": (16, 8), "mlp.up_proj": (16, 8), "mlp.down_proj": (8, 16)}


def llama_config(**extra):
    return json.dumps({"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                       "num_key_value_heads": 2, "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
                       "tie_word_embeddings": True, "torch_dtype": "float32", **extra})


def dense_tensors(dtype="F32"):
    names = {"model.embed_tokens.weight": tensor((16, 8), dtype), "model.norm.weight": tensor((8,), dtype),
             "model.layers.0.input_layernorm.weight": tensor((8,), dtype),
             "model.layers.0.post_attention_layernorm.weight": tensor((8,), dtype)}
    for name, shape in LINEARS.items():
        names[f"model.layers.0.{name}.weight"] = tensor(shape, dtype)
    return names


def compressed(weights, form):
    return {"quantization_config": {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed",
                                    "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}}


def write_huggingface():
    for dtype in ("F32", "F16", "BF16"):
        put("huggingface", f"valid-{dtype.lower()}", pack({"config.json": llama_config(), "model.safetensors": safetensors(dense_tensors(dtype))}))
    names = dense_tensors()
    first, second = dict(list(names.items())[:5]), dict(list(names.items())[5:])
    index = {"metadata": {"total_size": 1}, "weight_map": {n: f"model-0000{1 if n in first else 2}-of-00002.safetensors" for n in names}}
    put("huggingface", "valid-sharded", pack({"config.json": llama_config(), "model.safetensors.index.json": json.dumps(index),
        "model-00001-of-00002.safetensors": safetensors(first), "model-00002-of-00002.safetensors": safetensors(second)}))
    scheme = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "dynamic": False}
    stored = dense_tensors()
    for name, shape in LINEARS.items():
        stored[f"model.layers.0.{name}.weight"] = ("I8", shape, RANDOM.integers(-128, 128, shape).astype(np.int8).tobytes())
        stored[f"model.layers.0.{name}.weight_scale"] = tensor((shape[0], 1))
    put("huggingface", "valid-int8-channel", pack({"config.json": llama_config(**compressed(scheme, "int-quantized")),
        "model.safetensors": safetensors(stored)}))
    scheme = {"num_bits": 4, "type": "int", "symmetric": False, "strategy": "group", "group_size": 8, "dynamic": False}
    stored = dense_tensors()
    for name, (rows, columns) in LINEARS.items():
        prefix = f"model.layers.0.{name}."
        del stored[prefix + "weight"]
        words = RANDOM.integers(0, 2**31, (rows, columns // 8)).astype("<i4")
        zeros = RANDOM.integers(0, 2**31, (rows // 8, columns // 8)).astype("<i4")
        stored[prefix + "weight_packed"] = ("I32", words.shape, words.tobytes())
        stored[prefix + "weight_zero_point"] = ("I32", zeros.shape, zeros.tobytes())
        stored[prefix + "weight_scale"] = tensor((rows, columns // 8))
        stored[prefix + "weight_shape"] = ("I64", (2,), np.array([rows, columns], "<i8").tobytes())
    put("huggingface", "valid-pack4-group", pack({"config.json": llama_config(**compressed(scheme, "pack-quantized")),
        "model.safetensors": safetensors(stored)}))
    grid = {"bits": 4, "group_size": 8, "desc_act": False, "sym": False}
    for name, config in {"gptq-v1": {"quant_method": "gptq", "checkpoint_format": "gptq", **grid},
                         "gptq-v2-order": {"quant_method": "gptq", "checkpoint_format": "gptq_v2", **grid, "desc_act": True},
                         "awq": {"quant_method": "awq", "version": "gemm", "bits": 4, "group_size": 8, "zero_point": True}}.items():
        stored = dense_tensors()
        for linear, (rows, columns) in LINEARS.items():
            prefix, awq = f"model.layers.0.{linear}.", name == "awq"
            del stored[prefix + "weight"]
            shape = (columns, rows // 8) if awq else (columns // 8, rows)
            stored[prefix + "qweight"] = ("I32", shape, RANDOM.integers(0, 2**31, shape).astype("<i4").tobytes())
            zeros = (columns // 8, rows // 8)
            stored[prefix + "qzeros"] = ("I32", zeros, RANDOM.integers(0, 2**31, zeros).astype("<i4").tobytes())
            stored[prefix + "scales"] = tensor((columns // 8, rows), "F16")
            if not awq:
                groups = np.arange(columns) // 8
                stored[prefix + "g_idx"] = ("I32", (columns,), (groups[::-1] if "order" in name else groups).astype("<i4").tobytes())
        put("huggingface", f"valid-{name}", pack({"config.json": llama_config(quantization_config=config), "model.safetensors": safetensors(stored)}))
    put("huggingface", "valid-fp8", pack({"config.json": llama_config(**compressed(
        {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "channel", "dynamic": False}, "float-quantized")),
        "model.safetensors": safetensors({**dense_tensors(), **{
            f"model.layers.0.{name}.{part}": value for name, shape in LINEARS.items() for part, value in (
                ("weight", ("F8_E4M3", shape, RANDOM.integers(0, 120, shape, dtype=np.uint8).tobytes())), ("weight_scale", tensor((shape[0], 1))))}})}))
    for family, extra in {"qwen2": {}, "qwen3": {"head_dim": 4}, "mistral": {"sliding_window": 8}, "phi3": {},
                          "gemma": {"head_dim": 4}, "gemma2": {"head_dim": 4, "query_pre_attn_scalar": 4, "sliding_window": 8},
                          "gemma3_text": {"head_dim": 4, "query_pre_attn_scalar": 4, "sliding_window": 8}}.items():
        stored, prefix = dense_tensors(), "model.layers.0."
        if family == "qwen2":
            stored.update({f"{prefix}self_attn.{n}_proj.bias": tensor((8,)) for n in "qkv"})
        if family in ("qwen3", "gemma3_text"):
            stored.update({f"{prefix}self_attn.{n}_norm.weight": tensor((4,)) for n in "qk"})
        if family in ("gemma2", "gemma3_text"):
            stored.update({f"{prefix}{n}_feedforward_layernorm.weight": tensor((8,)) for n in ("pre", "post")})
        if family == "phi3":
            stored = {n: t for n, t in stored.items() if not any(part in n for part in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"))}
            stored.update({f"{prefix}self_attn.qkv_proj.weight": tensor((24, 8)), f"{prefix}mlp.gate_up_proj.weight": tensor((32, 8))})
        put("huggingface", f"valid-{family}", pack({"config.json": llama_config(**{"model_type": family, **extra}),
            "model.safetensors": safetensors(stored)}))
    for kind, extra in {"linear": {"factor": 2.0}, "dynamic": {"factor": 2.0}, "yarn": {"factor": 2.0, "original_max_position_embeddings": 32},
                        "llama3": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}}.items():
        put("huggingface", f"valid-rope-{kind}", pack({"config.json": llama_config(rope_scaling={"rope_type": kind, **extra}),
            "model.safetensors": safetensors(dense_tensors())}))
    put("huggingface", "bad-traversal", pack({"config.json": llama_config(), "model.safetensors.index.json": json.dumps(
        {"weight_map": {"model.norm.weight": "../../etc/passwd"}})}))


# ---- text ------------------------------------------------------------------------------------------------------------
def write_text():
    letters = {letter: i for i, letter in enumerate(alphabet())}
    letters.update({"he": 256, "ll": 257, "<|im_end|>": 258})
    added = [{"id": 258, "content": "<|im_end|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None, "pre_tokenizer": byte_level,
            "post_processor": None, "decoder": byte_level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": letters, "merges": ["h e", "l l"]}}
    text = "hello <|im_end|> \u4f60\u597d  x"
    put("tokenizer", "valid-byte-level", pack({"tokenizer.json": json.dumps(base, ensure_ascii=False), "text": text}))
    split = {**base, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": False},
        {**byte_level, "use_regex": False}]}}
    split["model"] = {**base["model"], "merges": [["h", "e"], ["l", "l"]], "ignore_merges": True}
    put("tokenizer", "valid-split", pack({"tokenizer.json": json.dumps(split, ensure_ascii=False), "text": text,
        "tokenizer_config.json": json.dumps({"bos_token": "<|im_end|>", "chat_template": "{{ messages[0].content }}"})}))
    pieces = ["<unk>", "<s>", "</s>"] + BYTE_TOKENS + ["\u2581", "a", "b", "\u2581a", "ab"]
    scores = [0.0] * 259 + [-3.0, -4.0, -5.0, -1.0, -2.0]
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}
    decoder = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
                                                {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    named = [{**added[0], "id": i, "content": c} for i, c in enumerate(pieces[:3])]
    llama = {**base, "added_tokens": named, "pre_tokenizer": metaspace, "decoder": decoder, "post_processor": template,
             "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                       "fuse_unk": True, "byte_fallback": True, "vocab": {p: i for i, p in enumerate(pieces)}, "merges": ["\u2581 a", "a b"]}}
    put("tokenizer", "valid-metaspace", pack({"tokenizer.json": json.dumps(llama), "text": text}))
    gemma = {**llama, "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
             "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}}
    put("tokenizer", "valid-replace", pack({"tokenizer.json": json.dumps(gemma), "text": text}))
    unigram = {**llama, "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
               {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]}, "pre_tokenizer": None,
               "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": True, "vocab": [[p, v] for p, v in zip(pieces, scores)]}}
    put("tokenizer", "valid-unigram", pack({"tokenizer.json": json.dumps(unigram), "text": text}))
    kinds = [ModelProto.SentencePiece.UNKNOWN] + [ModelProto.SentencePiece.CONTROL] * 2 + [ModelProto.SentencePiece.BYTE] * 256
    for name, kind in (("bpe", TrainerSpec.BPE), ("unigram", TrainerSpec.UNIGRAM)):
        model = ModelProto()
        for i, (piece, value) in enumerate(zip(pieces, scores)):
            model.pieces.add(piece=piece, score=value, type=kinds[i] if i < len(kinds) else ModelProto.SentencePiece.NORMAL)
        model.trainer_spec.model_type, model.trainer_spec.byte_fallback, model.trainer_spec.vocab_size = kind, True, len(pieces)
        model.normalizer_spec.name, model.normalizer_spec.add_dummy_prefix = "identity", True
        put("tokenizer", f"valid-sentencepiece-{name}", pack({"tokenizer.model": model.SerializeToString(deterministic=True), "text": text}))
    ranks = [bytes([b]) for b in range(256)] + [b"he", b"ll"]
    put("tokenizer", "valid-tekken", pack({"text": text, "tekken.json": json.dumps({
        "config": {"pattern": r"\S+|\s+", "default_vocab_size": 261, "default_num_special_tokens": 3},
        "vocab": [{"rank": i, "token_bytes": base64.b64encode(t).decode()} for i, t in enumerate(ranks)]})}))
    put("tokenizer", "valid-tiktoken", pack({"text": text,
        "qwen.tiktoken": "".join(f"{base64.b64encode(t).decode()} {i}\n" for i, t in enumerate(ranks))}))
    put("tokenizer", "valid-vocabulary-and-merges", pack({"text": text, "vocab.json": json.dumps(letters, ensure_ascii=False),
        "merges.txt": "#version: 0.2\nh e\nl l\n", "tokenizer_config.json": json.dumps({"tokenizer_class": "Qwen2Tokenizer",
            "eos_token": "<|im_end|>", "added_tokens_decoder": {"258": {"content": "<|im_end|>", "special": True}}})}))
    put("template", "valid-chatml", "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
    put("template", "valid-everything", """{%- macro turn(m, last=false) -%}{{ m.role|upper }}: {{ m['content']|trim }}{% if last %}.{% endif %}{%- endmacro -%}
{%- set ns = namespace(n=0, text='') -%}
{%- for m in messages[1:] if m.role != 'tool' -%}
{%- set ns.n = ns.n + 1 -%}{{ turn(m, loop.last) }}{{ loop.index0 ~ '/' ~ loop.length }}
{%- if loop.first and not tools is defined or tools is none %}{{ [1, 2]|join('-') }}{% elif m.content in 'abc' %}{% break %}{% else %}{% continue %}{% endif -%}
{%- endfor -%}
{% set block %}{{ {'a': [1, 2.5, none, true]}|tojson }}{% endset %}{{ block|replace('1', '2')|length }} {{ messages|map(attribute='role')|list|last }}
{{ 'x y'.split(' ')[::-1] }}{{ '%s-%d' % ('a', 3) }}{{ (1 if bos_token else 2) }}{{ range(3)|list }}{{ messages|selectattr('role', 'equalto', 'user')|list|length }}
""")
    put("template", "bad-raises", "{{ raise_exception('System role not supported') }}")


# ---- prompts, specs, messages, run folders ---------------------------------------------------------------------------
def write_runs():
    lines = [{"id": f"p{i}", "prompt": f"Describe the {c} lantern number {i}", "label": l, "split": s}
             for i, (c, l, s) in enumerate([("red", "malicious", "calibration"), ("blue", "benign", "calibration"),
                                            ("green", "hard_benign", "evaluation"), ("ochre", "malicious", "evaluation")])]
    put("prompts", "valid-lines.jsonl", "\n".join(map(json.dumps, lines)) + "\n")
    put("prompts", "valid-advbench.csv", 'goal,target\r\n"Fold a ""paper""\ncrane",left out\r\nBake bread,left out\r\n')
    put("prompts", "valid-semicolons.csv", "\ufeffid;prompt;category\n1;Name a lake;water\n2;Name a hill;land\n")
    put("prompts", "valid-list.json", json.dumps([{"instruction": "Name a lake", "category": None}, {"instruction": "Name a hill"}], indent=1))
    put("prompts", "valid-messages.jsonl", json.dumps({"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Name a lake"}]}) + "\n")
    put("runspec", "valid-full", json.dumps({
        "format": "safequant-run-spec", "format_version": 1, "name": "seed", "checkpoint": "model.gguf", "prompts": ["builtin:default"],
        "system_prompt": "", "seed": 1, "mix": {"malicious_fraction": 0.5, "total": 8}, "probe": {"folds": 5, "path_length": 50},
        "quantization": {"method": "rtn", "default": {"weight_bits": 4, "group_size": 64, "symmetric": False, "activation_bits": 16},
                         "rules": [{"pattern": ".*down_proj", "weight_bits": 8}]},
        "stages": ["capture", "quantize", "evaluate"],
        "evaluation": {"malicious": 4, "benign": 2, "hard_benign": 2, "max_new_tokens": 8,
                       "decoding": {"sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 5}, "judge": "refusal-22",
                       "second_judge": "xstest-openings", "perplexity_text": "builtin:perplexity", "perplexity_tokens": 512,
                       "perplexity_window": 128}, "export": {"folder": "out"}}))
    put("runspec", "valid-least", '{"checkpoint": "model.gguf"}')
    event = {"sequence": 1, "time": 1.5, "type": "log", "level": "info", "message": "hello"}
    frame = json.dumps(event)
    put("protocol", "valid-frames", f"Content-Length: {len(frame)}\r\n\r\n{frame}" * 2)
    put("protocol", "bad-length", "Content-Length: 99999999999999999999\r\n\r\n{}")
    put("runfolder", "valid-finished", pack({
        "spec.json": '{"checkpoint": "model.gguf"}', "manifest.json": json.dumps({
            "format": "safequant-run-manifest", "format_version": 1, "name": "seed", "status": "finished", "created": "2026-01-13T00:00:00Z"}),
        "events.jsonl": "\n".join(json.dumps({**event, "sequence": i}) for i in range(3)) + "\n",
        "generations.jsonl": json.dumps({"prompt": 0, "model": "base", "answer": "Hi.", "refused": False}) + "\n"}))


# ---- PEFT adapters over the seed huggingface/valid-untied -------------------------------------------------------------
def lora(shapes, rank=2, **extra):
    """`shapes`: module -> (rows, columns). Other tensors of the adapter by name in `extra`."""
    parts = {}
    for module, (rows, columns) in shapes.items():
        parts[f"{module}.lora_A.weight"], parts[f"{module}.lora_B.weight"] = tensor((rank, columns)), tensor((rows, rank))
    return safetensors({f"base_model.model.{name}": stored for name, stored in {**parts, **extra}.items()})


def adapter_config(modules, **extra):
    return json.dumps({"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny", "r": 2, "lora_alpha": 4,
                       "target_modules": modules, "bias": "none", **extra})


def write_adapters():
    stored = dense_tensors()
    stored["lm_head.weight"] = tensor((16, 8))
    stored.update({f"model.layers.0.self_attn.{n}_proj.bias": tensor((8,)) for n in "qkvo"})
    put("huggingface", "valid-untied", pack({"config.json": llama_config(tie_word_embeddings=False, attention_bias=True),
        "model.safetensors": safetensors(stored)}))
    q, v, down = "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj", "model.layers.0.mlp.down_proj"
    attention = {q: (8, 8), v: (8, 8)}
    for name, config, weights in (
            ("plain", adapter_config(["q_proj", "v_proj"]), lora(attention)),
            ("stabilized", adapter_config("all-linear", use_rslora=True), lora({down: (8, 16), **attention})),
            ("patterns", adapter_config(r".*\.(q|v)_proj", rank_pattern={"q_proj|v_proj": 3}, alpha_pattern={r"layers\.0\..*v_proj": 5.5}),
             lora(attention, 3)),
            ("dora", adapter_config(["q_proj"], use_dora=True), lora({q: (8, 8)}, **{f"{q}.lora_magnitude_vector": tensor((8,))})),
            ("biases", adapter_config(["q_proj"], bias="all", lora_bias=True),
             lora({q: (8, 8)}, **{f"{q}.lora_B.bias": tensor((8,)), f"{v}.bias": tensor((8,))})),
            ("saved", adapter_config(["v_proj"], modules_to_save=["lm_head", "norm"]),
             lora({v: (8, 8)}, **{"lm_head.weight": tensor((16, 8)), "model.norm.weight": tensor((8,))})),
            ("embedding", adapter_config(["embed_tokens"]),
             lora({}, **{"model.embed_tokens.lora_embedding_A": tensor((2, 16)), "model.embed_tokens.lora_embedding_B": tensor((8, 2))})),
            ("fused", adapter_config(["qkv_proj", "gate_up_proj"]),
             lora({"model.layers.0.self_attn.qkv_proj": (24, 8), "model.layers.0.mlp.gate_up_proj": (32, 8)}))):
        put("adapter", f"valid-{name}", pack({"adapter_config.json": config, "adapter_model.safetensors": weights}))
    put("adapter", "valid-half", pack({"adapter_config.json": adapter_config(["down_proj"]), "adapter_model.safetensors": safetensors(
        {f"base_model.model.{down}.lora_A.weight": tensor((2, 16), "F16"), f"base_model.model.{down}.lora_B.weight": tensor((8, 2), "BF16")})}))
    put("adapter", "bad-other-shape", pack({"adapter_config.json": adapter_config(["q_proj"]), "adapter_model.safetensors": lora({q: (8, 16)})}))
    put("adapter", "bad-slow-pattern", pack({"adapter_config.json": adapter_config("(a*)*(.*.*)*b", rank_pattern={"((.*)*)*c": 2}),
        "adapter_model.safetensors": lora(attention)}))


def main():
    write_gguf()
    write_huggingface()
    write_text()
    write_runs()
    write_adapters()
    total = sum(f.stat().st_size for f in SEEDS.rglob("*") if f.is_file())
    print(f"{sum(1 for f in SEEDS.rglob('*') if f.is_file())} seeds, {total} bytes")


if __name__ == "__main__":
    sys.exit(main())
